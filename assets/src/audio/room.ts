/**
 * The room this browser sits in, by LiveKit's client SDK.
 *
 *   want(room) → room-token → connect → publish microphone, play who speaks
 *
 * One room at a time: what is wanted is a name or nothing, and one loop brings the two together,
 * trying again with growing waits. Leaving is never waited for by the next joining.
 */
import { signal } from '@preact/signals';
import type { RemoteTrack, Room } from 'livekit-client';
import { Refused } from '../refused';
import { link, request } from '../socket';
import { openMicrophone } from './microphone';

export type RoomState =
  | { at: 'out' }
  | { at: 'joining'; room: string }
  | { at: 'in'; room: string }
  | { at: 'reconnecting'; room: string }
  | { at: 'failed'; room: string; detail: string; retrying: boolean };

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;

export const roomState = signal<RoomState>({ at: 'out' });
/** The browser plays nothing until a press allows it. */
export const playbackBlocked = signal(false);

let wanted: string | null = null;
let joined: { name: string; room: Room } | null = null;
let settling = false;
let failures = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
const speakers = new Map<RemoteTrack, HTMLMediaElement>();

/** The room to sit in from now on, or null for none. */
export function want(room: string | null): void {
  if (wanted === room) return;
  wanted = room;
  failures = 0;
  clearTimeout(retry);
  void settle();
}

/** Tries at once instead of at the end of a wait. */
export function tryAgain(): void {
  failures = 0;
  clearTimeout(retry);
  void settle();
}

/** To be called in a press: browsers want one before they play. */
export async function allowPlayback(): Promise<void> {
  await joined?.room.startAudio();
}

async function settle(): Promise<void> {
  if (settling) return;
  settling = true;
  try {
    while ((joined?.name ?? null) !== wanted) {
      leave();
      const name = wanted;
      if (name === null) break;
      roomState.value = { at: 'joining', room: name };
      const failure = await join(name);
      if (failure !== null && wanted === name) {
        fail(name, failure);
        return;
      }
    }
  } finally {
    settling = false;
  }
}

/** Null when joined, else what to tell the operator. */
async function join(name: string): Promise<string | null> {
  let room: Room | null = null;
  try {
    const pass = passOf(await request('room-token', { room: name }));
    if (pass === null) return 'The switch gave no way into the room.';
    const { DisconnectReason, Room: LiveKitRoom, RoomEvent } = await import('livekit-client');
    room = new LiveKitRoom({
      disconnectOnPageLeave: true,
      stopLocalTrackOnUnpublish: false,
      singlePeerConnection: false,
    });
    const ours = room;
    room
      .on(RoomEvent.TrackSubscribed, (track) => play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => silence(track))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => {
        playbackBlocked.value = !ours.canPlaybackAudio;
      })
      .on(RoomEvent.Reconnecting, () => {
        if (joined?.room === ours) roomState.value = { at: 'reconnecting', room: name };
      })
      .on(RoomEvent.Reconnected, () => {
        if (joined?.room === ours) roomState.value = { at: 'in', room: name };
      })
      .on(RoomEvent.Disconnected, (reason) => {
        if (joined?.room !== ours) return;
        joined = null;
        forgetSpeakers();
        if (wanted !== name) return;
        if (reason === DisconnectReason.DUPLICATE_IDENTITY) giveWay(name);
        else fail(name, 'The connection to the room was lost.');
      });
    await room.connect(pass.url, pass.token);
    if (wanted !== name) {
      void room.disconnect(false);
      return null;
    }
    joined = { name, room };
    failures = 0;
    roomState.value = { at: 'in', room: name };
    playbackBlocked.value = !room.canPlaybackAudio;
    await publish(room);
    return null;
  } catch (error) {
    if (joined !== null && joined.room === room) joined = null;
    void room?.disconnect(false);
    if (link.peek().at !== 'open') return 'No connection to the switch.';
    return error instanceof Refused ? error.message : 'The room could not be joined.';
  }
}

/** Without a microphone the operator still listens; the microphone's own state says what is missing. */
async function publish(room: Room): Promise<void> {
  const track = await openMicrophone();
  if (track === null || joined?.room !== room) return;
  await room.localParticipant.publishTrack(track, { stopMicTrackOnMute: false, dtx: true });
}

/** Publishes a microphone that could not be had when the room was joined. */
export async function publishAgain(): Promise<void> {
  if (joined) await publish(joined.room);
  else await openMicrophone();
}

function leave(): void {
  const room = joined?.room;
  joined = null;
  forgetSpeakers();
  playbackBlocked.value = false;
  roomState.value = { at: 'out' };
  // The microphone stays open for the next call.
  void room?.disconnect(false);
}

/** The same operator joined from elsewhere: two windows must not throw each other out for ever. */
function giveWay(name: string): void {
  clearTimeout(retry);
  roomState.value = { at: 'failed', room: name, detail: 'You joined from another window.', retrying: false };
}

function fail(name: string, detail: string): void {
  failures += 1;
  roomState.value = { at: 'failed', room: name, detail, retrying: true };
  clearTimeout(retry);
  retry = setTimeout(() => void settle(), Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)));
}

function play(track: RemoteTrack): void {
  if (track.kind !== 'audio') return;
  const element = track.attach();
  element.hidden = true;
  document.body.append(element);
  speakers.set(track, element);
}

function silence(track: RemoteTrack): void {
  for (const element of track.detach()) element.remove();
  speakers.delete(track);
}

function forgetSpeakers(): void {
  for (const track of [...speakers.keys()]) silence(track);
}

function passOf(result: unknown): { url: string; token: string } | null {
  const { url, token } = (result ?? {}) as { url?: unknown; token?: unknown };
  return typeof url === 'string' && typeof token === 'string' ? { url, token } : null;
}
