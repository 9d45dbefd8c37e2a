import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** LiveKit's track as far as it is used here. */
class FakeTrack {
  static all: FakeTrack[] = [];
  static refuses = false;
  isMuted = false;
  isStopped = false;
  mediaStreamTrack = device('headset');
  #heard = new Map<string, () => void>();

  on(event: string, hear: () => void): void {
    this.#heard.set(event, hear);
  }
  tell(event: string): void {
    this.#heard.get(event)?.();
  }
  unplug(): void {
    this.mediaStreamTrack.readyState = 'ended';
    this.tell('ended');
  }
  /** What LiveKit's client does of its own accord in a room, and what restartTrack does. */
  reopen(label: string): void {
    this.isStopped = false;
    this.mediaStreamTrack = device(label);
    this.tell('restarted');
  }
  restartTrack = vi.fn(async () => {
    if (FakeTrack.refuses) throw Object.assign(new Error(), { name: 'NotFoundError' });
    this.reopen('headset');
  });
  async mute(): Promise<void> {
    this.isMuted = true;
    this.tell('muted');
  }
  async unmute(): Promise<void> {
    this.isMuted = false;
  }
  stop(): void {
    this.isStopped = true;
  }
}

function device(label: string) {
  return { label, readyState: 'live', enabled: true, clone: () => ({ ...device(label), stop: () => {} }) };
}

const metered: string[] = [];
vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => {} });
vi.stubGlobal('navigator', {});
vi.stubGlobal('window', { isSecureContext: true });
vi.mock('livekit-client', () => ({
  TrackEvent: { Ended: 'ended', Restarted: 'restarted', Muted: 'muted' },
  createLocalAudioTrack: async () => {
    const track = new FakeTrack();
    FakeTrack.all.push(track);
    return track;
  },
}));
vi.mock('./level', () => ({
  SILENCE_DB: -90,
  watchLevel: (track: { label: string }) => {
    metered.push(track.label);
    return () => {};
  },
}));

const { closeMicrophone, mic, muted, openMicrophone, setMuted } = await import('./microphone');
const { notices } = await import('../notices');

const opened = async () => (await openMicrophone()) as unknown as FakeTrack;

beforeEach(() => {
  vi.useFakeTimers();
  FakeTrack.all = [];
  FakeTrack.refuses = false;
  metered.length = 0;
  notices.value = [];
});
afterEach(() => {
  closeMicrophone();
  vi.useRealTimers();
});

test('when LiveKit goes on with another microphone, that one is shown, metered, told and can be muted', async () => {
  const track = await opened();
  track.unplug();
  expect(mic.value.at).toBe('failed');
  track.reopen('laptop');
  expect(mic.value).toEqual({ at: 'open' });
  expect(metered).toEqual(['headset', 'laptop']);
  expect(notices.value.map((notice) => notice.text)).toEqual(['Now on another microphone.']);
  setMuted(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(track.isMuted).toBe(true);
});

test('who pressed mute while the microphone was gone is muted on the other one', async () => {
  const track = await opened();
  setMuted(true);
  track.unplug();
  track.isMuted = false;
  track.reopen('laptop');
  await vi.advanceTimersByTimeAsync(0);
  expect([muted.value, track.isMuted]).toEqual([true, true]);
});

test('trying again opens the track that the room has, and undoes the mute of a failure', async () => {
  const track = await opened();
  track.unplug();
  await track.mute();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(muted.value).toBe(false);
  FakeTrack.refuses = true;
  expect(await openMicrophone()).toBeNull();
  expect(mic.value).toMatchObject({ at: 'failed', detail: 'No microphone found. Plug one in, then try again.' });
  FakeTrack.refuses = false;
  expect(await openMicrophone()).toBe(track);
  await vi.advanceTimersByTimeAsync(0);
  expect([mic.value.at, track.isMuted, FakeTrack.all.length]).toEqual(['open', false, 1]);
  expect(notices.value).toEqual([]);
});

test('a track that LiveKit stopped is opened again before it is handed out', async () => {
  const track = await opened();
  track.stop();
  expect(await openMicrophone()).toBe(track);
  expect([track.isStopped, track.restartTrack.mock.calls.length]).toEqual([false, 1]);
  track.mediaStreamTrack.readyState = 'ended';
  await openMicrophone();
  expect(track.restartTrack).toHaveBeenCalledTimes(2);
});
