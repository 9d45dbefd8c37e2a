/** What the keys do on a desk: the selected line, and the call an unaddressed H, D or M is about. */
import { computed, effect, signal } from '@preact/signals';
import { cough, muted, setMuted as setMicMuted } from './audio/microphone';
import * as commands from './commands';
import type { KeyAction } from './keys';
import { notify } from './notices';
import { mayDrop, may, type Page } from './policy';
import type { Call } from './protocol';
import { assignLines } from './queue';
import { episode, heldCalls, lobbyCalls, myCall, onAirCalls, role } from './state';

export const selectedId = signal<string | null>(null);
export const helpOpen = signal(false);

/** Line numbers of the host's calls; a call keeps its own from hold to air and back. */
export const lines = signal<ReadonlyMap<string, number>>(new Map());

export const selectedCall = computed<Call | null>(() => {
  const all = [...onAirCalls.value, ...heldCalls.value, ...lobbyCalls.value];
  return all.find((call) => call.id === selectedId.value) ?? null;
});

/** Keeps the line numbers; answers how to stop. */
export function watchLines(): () => void {
  return effect(() => {
    const ids = [...onAirCalls.value, ...heldCalls.value].map((call) => call.id);
    lines.value = assignLines(lines.peek(), ids);
  });
}

export function select(callId: string | null): void {
  selectedId.value = callId;
  if (callId !== null)
    document.querySelector(`[data-call="${CSS.escape(callId)}"]`)?.scrollIntoView({ block: 'nearest' });
}

/** Does what a key says on this page. */
export function act(page: Page, action: KeyAction): void {
  switch (action.do) {
    case 'help':
      helpOpen.value = !helpOpen.value;
      return;
    case 'clear':
      helpOpen.value = false;
      select(null);
      commands.armed.value = null;
      return;
    case 'cough':
      cough(true);
      return;
    case 'mute-mic':
      setMicMuted(!muted.value);
      return;
    case 'select':
      select(page === 'host' ? atLine(action.line) : (lobbyCalls.value[action.line - 1]?.id ?? null));
      return;
    case 'answer-next':
      answerNext();
      return;
    case 'next':
      if (episode.value && may(role.value, 'next')) void commands.takeNext(episode.value.id);
      return;
    case 'take-selected':
      takeSelected(page);
      return;
    case 'hold':
      aboutOnAir('put-on-hold', (call) => void commands.putOnHold(call.id));
      return;
    case 'mute':
      aboutOnAir('set-muted', (call) => void commands.setMuted(call.id, !call.muted));
      return;
    case 'drop':
      dropAddressed(page);
  }
}

/** Answers the longest waiting caller, unless one is on my card already. */
export function answerNext(): void {
  if (!episode.value || !may(role.value, 'pick-up-next')) return;
  if (myCall.value) notify('info', 'Finish this call first: approve it, send it back or drop it.');
  else if (lobbyCalls.value.length === 0) notify('info', 'Nobody is waiting in the lobby.');
  else void commands.pickUpNext(episode.value.id);
}

/** Drops a caller as the page does: on air only at the second press. */
export function dropPress(call: Call): void {
  if (call.status !== 'on-air') void commands.drop(call.id);
  else commands.pressTwice(commands.placeOf('drop', call.id), () => void commands.drop(call.id));
}

function atLine(line: number): string | null {
  for (const [id, number] of lines.value) if (number === line) return id;
  return null;
}

function takeSelected(page: Page): void {
  const call = selectedCall.value;
  if (!call) return;
  if (page === 'screener' && call.status === 'queued') void commands.pickUp(call.id);
  if (page === 'host' && call.status === 'on-hold' && may(role.value, 'put-on-air'))
    void commands.putOnAir(call.id);
}

function dropAddressed(page: Page): void {
  if (page === 'screener') {
    if (myCall.value) dropPress(myCall.value);
    return;
  }
  const call = selectedCall.value;
  if (call?.status === 'on-hold' && mayDrop(role.value, 'off-air')) dropPress(call);
  else aboutOnAir('drop', dropPress);
}

/** The selected caller on air, else the only one. */
function aboutOnAir(command: 'put-on-hold' | 'set-muted' | 'drop', then: (call: Call) => void): void {
  if (!may(role.value, command)) return;
  const [only, ...others] = onAirCalls.value;
  const selected = selectedCall.value;
  if (selected?.status === 'on-air') then(selected);
  else if (only && others.length === 0) then(only);
  else if (only) notify('info', 'Several callers are on air: select a line with 1 to 9 first.');
}
