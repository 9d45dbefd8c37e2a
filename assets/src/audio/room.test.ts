import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { livekit } from '../livekit';

/** LiveKit's Room as far as it is used here. */
class FakeRoom {
  static all: FakeRoom[] = [];
  static refuses = false;
  /** It takes for ever to connect, as LiveKit's client does for seconds when the room closes meanwhile. */
  static hangs = false;
  canPlaybackAudio = true;
  published: unknown[] = [];
  localParticipant = { publishTrack: async (track: unknown) => void this.published.push(track) };
  #heard = new Map<string, (told?: unknown) => void>();

  constructor() {
    FakeRoom.all.push(this);
  }
  on(event: string, hear: (told?: unknown) => void): this {
    this.#heard.set(event, hear);
    return this;
  }
  tell(event: string, told?: unknown): void {
    this.#heard.get(event)?.(told);
  }
  async connect(url: string, token: string): Promise<void> {
    passes.push(`${url} ${token}`);
    if (FakeRoom.refuses) throw new Error('unreachable');
    if (FakeRoom.hangs) await new Promise(() => {});
  }
  disconnect = vi.fn(async () => {});
}

const MICROPHONE = { name: 'the one microphone' };
const passes: string[] = [];
let tokens = 0;

vi.mock('livekit-client', () => ({
  Room: FakeRoom,
  RoomEvent: {
    TrackSubscribed: 'trackSubscribed',
    TrackUnsubscribed: 'trackUnsubscribed',
    AudioPlaybackStatusChanged: 'audioPlaybackChanged',
    SignalReconnecting: 'signalReconnecting',
    Reconnecting: 'reconnecting',
    Reconnected: 'reconnected',
    Disconnected: 'disconnected',
  },
  DisconnectReason: { DUPLICATE_IDENTITY: 2, PARTICIPANT_REMOVED: 4, ROOM_DELETED: 5 },
}));
vi.mock('../socket', async () => {
  const { signal } = await import('@preact/signals');
  return {
    link: signal({ at: 'open' }),
    request: async () => ({ url: 'ws://livekit', token: `token-${++tokens}` }),
  };
});
vi.mock('./microphone', () => ({ openMicrophone: async () => MICROPHONE }));

const { roomState, tryAgain, want } = await import('./room');

const latest = () => FakeRoom.all[FakeRoom.all.length - 1]!;
/** Runs what is due within these milliseconds. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  FakeRoom.all = [];
  FakeRoom.refuses = false;
  FakeRoom.hangs = false;
  passes.length = 0;
  tokens = 0;
});

afterEach(async () => {
  want(null);
  livekit.value = { at: 'well' };
  await pass(0);
  vi.useRealTimers();
});

test('when LiveKit gives up, a new token is fetched and the room is joined again with the same microphone', async () => {
  want('live-1');
  await pass(0);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
  const first = latest();
  expect(first.published).toEqual([MICROPHONE]);

  first.tell('disconnected', undefined);
  expect(roomState.value).toMatchObject({ at: 'failed', retrying: true });
  await pass(500);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
  expect(passes).toEqual(['ws://livekit token-1', 'ws://livekit token-2']);
  expect(latest()).not.toBe(first);
  expect(latest().published).toEqual([MICROPHONE]);
});

test('a room that was deleted is joined again while it is wanted', async () => {
  want('live-1');
  await pass(0);
  latest().tell('disconnected', 5);
  await pass(500);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
});

test('a LiveKit that stays away is asked less and less often, and at once when it is back', async () => {
  FakeRoom.refuses = true;
  livekit.value = { at: 'lost', since: null };
  want('live-1');
  await pass(60_000);
  expect(roomState.value).toMatchObject({ at: 'failed', detail: 'LiveKit cannot be reached.' });
  const asked = passes.length;
  expect(asked).toBeGreaterThan(6);
  expect(asked).toBeLessThan(20);

  FakeRoom.refuses = false;
  tryAgain();
  await pass(0);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
});

test('nobody who left is brought back', async () => {
  want('live-1');
  await pass(0);
  latest().tell('disconnected', undefined);
  want(null);
  await pass(60_000);
  expect(roomState.value).toEqual({ at: 'out' });
  expect(passes).toHaveLength(1);
});

test.each([
  [4, 'You were removed from the room.'],
  [2, 'You joined from another window.'],
])('whoever was sent away (%d) comes back by a press only', async (reason, detail) => {
  want('live-1');
  await pass(0);
  latest().tell('disconnected', reason);
  await pass(60_000);
  expect(roomState.value).toEqual({ at: 'failed', room: 'live-1', detail, retrying: false });
  tryAgain();
  await pass(0);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
});

test('while LiveKit reconnects by itself it says so, and nothing is joined anew', async () => {
  want('live-1');
  await pass(0);
  latest().tell('reconnecting');
  expect(roomState.value).toEqual({ at: 'reconnecting', room: 'live-1' });
  await pass(30_000);
  latest().tell('reconnected');
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
  expect(FakeRoom.all).toHaveLength(1);
});

test('a connection that takes long is not waited for when another room is wanted', async () => {
  FakeRoom.hangs = true;
  want('screening-1');
  await pass(1_000);
  expect(roomState.value).toEqual({ at: 'joining', room: 'screening-1' });
  const first = latest();
  FakeRoom.hangs = false;
  want('live-1');
  await pass(0);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
  expect(first.disconnect).toHaveBeenCalled();
});

test('whoever is sent away by another window while connecting is told at once, and the next room is joined at once', async () => {
  FakeRoom.hangs = true;
  want('screening-1');
  await pass(0);
  latest().tell('disconnected', 2);
  await pass(0);
  expect(roomState.value).toMatchObject({ at: 'failed', detail: 'You joined from another window.', retrying: false });
  await pass(60_000);
  expect(passes).toHaveLength(1);
  FakeRoom.hangs = false;
  want('live-1');
  await pass(0);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
});

test('a room that closes while it is connected to is tried again', async () => {
  FakeRoom.hangs = true;
  want('live-1');
  await pass(0);
  latest().tell('disconnected', undefined);
  await pass(0);
  expect(roomState.value).toMatchObject({ at: 'failed', detail: 'The connection to the room was lost.', retrying: true });
  FakeRoom.hangs = false;
  await pass(500);
  expect(roomState.value).toEqual({ at: 'in', room: 'live-1' });
});
