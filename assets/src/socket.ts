/**
 * The WebSocket to the switch: a thin shell round the reconnect machine.
 * Frames go to `state.ts`; answers to commands go back to whoever asked.
 */
import { batch, signal } from '@preact/signals';
import { notify } from './notices';
import { parseFrame, type CommandName, type Commands, type ServerFrame } from './protocol';
import { step, type Occurrence, type Phase } from './reconnect';
import { Refused } from './refused';
import { board, receive, receiveLevels, receiveQuality, silenceMeters } from './state';

/** A command without an answer by then is reported, and the connection is no longer trusted. */
const ANSWER_TIMEOUT_MS = 8_000;
/** After this much silence one small request asks whether the switch can still be reached. */
const QUIET_MS = 20_000;
const TICK_MS = 250;
/** A tick this late means that the machine slept, or that the browser slows the timers of a hidden page. */
const LATE_MS = 15_000;
/** Which of the two, the switch tells by answering within this. */
const DOUBT_MS = 2_000;

export const link = signal<Phase>({ at: 'off' });
/** When the connection last came back after a loss, by this machine's clock. */
export const regainedAt = signal<number | null>(null);

interface Asked {
  resolve: (result: unknown) => void;
  reject: (refused: Refused) => void;
  timer: ReturnType<typeof setTimeout>;
}

let socket: WebSocket | null = null;
let ticker: ReturnType<typeof setInterval> | null = null;
let lastTick = 0;
let lastFrame = 0;
let nextId = 1;
let wasLost = false;
let probe: () => Promise<'signed-in' | 'signed-out' | 'unreachable'> = () => Promise.resolve('unreachable');
const asked = new Map<number, Asked>();

/** Connects and stays connected. `askSession` tells a lost network from a lost sign-in. */
export function open(askSession: typeof probe): void {
  probe = askSession;
  lastTick = Date.now();
  ticker ??= setInterval(tick, TICK_MS);
  window.addEventListener('online', retryNow);
  document.addEventListener('visibilitychange', lookAgain);
  happen('start');
}

export function close(): void {
  if (ticker !== null) clearInterval(ticker);
  ticker = null;
  window.removeEventListener('online', retryNow);
  document.removeEventListener('visibilitychange', lookAgain);
  wasLost = false;
  regainedAt.value = null;
  happen('stop');
}

export function retryNow(): void {
  happen('online');
}

/** Whoever comes back to this page does not wait for its slowed timers. */
function lookAgain(): void {
  if (document.visibilityState !== 'visible') return;
  tick();
  retryNow();
}

/** Sends one command; answers with its result or throws `Refused`. */
export function request<N extends CommandName>(command: N, fields: Commands[N]): Promise<unknown> {
  if (link.value.at !== 'open' || socket === null) {
    return Promise.reject(
      new Refused(503, 'Not connected to the switch. Press again when the connection is back.'),
    );
  }
  return ask(socket, { command, ...fields }, ANSWER_TIMEOUT_MS);
}

/** Every frame with an id is answered, be it by a refusal. Without an answer the connection is no longer trusted. */
function ask(to: WebSocket, fields: object, patienceMs: number): Promise<unknown> {
  const id = nextId++;
  to.send(JSON.stringify({ id, ...fields }));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      asked.delete(id);
      reject(new Refused(503, 'The switch did not answer. Look whether it happened before you press again.'));
      happen('suspect');
    }, patienceMs);
    asked.set(id, { resolve, reject, timer });
  });
}

function happen(occurrence: Occurrence): void {
  const before = link.value;
  const [after, effect] = step(before, occurrence, Date.now(), Math.random());
  link.value = after;
  if (before.at === 'open' && after.at !== 'open') fallen();
  if (effect === 'close') discard();
  if (effect === 'connect') connect();
}

function connect(): void {
  discard();
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const ours = new WebSocket(`${scheme}://${location.host}/ws`);
  socket = ours;
  ours.onmessage = (event) => {
    if (ours === socket && typeof event.data === 'string') take(parseFrame(event.data));
  };
  ours.onclose = () => {
    if (ours !== socket) return;
    const neverOpened = link.value.at === 'connecting';
    socket = null;
    happen('lost');
    // The browser hides the status of a refused upgrade, so ask by HTTP whether we are still signed in.
    if (neverOpened) void probe();
  };
}

/** Closes the socket without hearing from it again. */
function discard(): void {
  const old = socket;
  socket = null;
  old?.close();
}

function take(frame: ServerFrame | null): void {
  if (frame === null) return;
  lastFrame = Date.now();
  switch (frame.type) {
    case 'snapshot':
      // Whoever reads the new board may send at once.
      batch(() => {
        receive(frame, Date.now());
        happen('opened');
      });
      if (wasLost) regainedAt.value = Date.now();
      wasLost = false;
      return;
    case 'change':
      if (board.value !== null && receive(frame, Date.now()) === 'gap') happen('suspect');
      return;
    case 'quality':
      receiveQuality(frame);
      return;
    case 'levels':
      receiveLevels(frame, Date.now());
      return;
    case 'ack':
      settle(frame.id)?.resolve(frame.result);
      return;
    case 'refused':
      settle(frame.id)?.reject(new Refused(frame.status, frame.detail));
      return;
    case 'notice':
      notify(frame.level, frame.text);
  }
}

function settle(id: number): Asked | undefined {
  const waiting = asked.get(id);
  if (waiting) clearTimeout(waiting.timer);
  asked.delete(id);
  return waiting;
}

/** The connection is gone: no meter may go on moving, no press may wait for ever. */
function fallen(): void {
  wasLost = true;
  silenceMeters();
  for (const id of [...asked.keys()]) {
    settle(id)?.reject(
      new Refused(503, 'The connection was lost before the switch answered. Look whether it happened.'),
    );
  }
}

function tick(): void {
  const now = Date.now();
  const late = now - lastTick > LATE_MS;
  lastTick = now;
  happen('tick');
  receiveLevels(null, now);
  if (late && link.value.at === 'open' && socket !== null) {
    // No command: it is refused, and that is an answer.
    ask(socket, {}, DOUBT_MS).catch(() => {});
  } else if (link.value.at === 'open' && now - lastFrame > QUIET_MS) {
    lastFrame = now;
    void probe().then((answer) => {
      if (answer === 'unreachable') happen('suspect');
    });
  }
}
