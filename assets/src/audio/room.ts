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
import { livekit } from '../livekit';
import { backoffMs } from '../reconnect';
import { Refused } from '../refused';
import { link, request } from '../socket';
import { openMicrophone } from './microphone';

type LiveKit = typeof import('livekit-client');

export type RoomState =
  | { at: 'out' }
  | { at: 'joining'; room: string }
  | { at: 'in'; room: string }
  | { at: 'reconnecting'; room: string }
  | { at: 'failed'; room: string; detail: string; retrying: boolean };

/** What to tell the operator, and whether it is tried again without a press. */
type Failure = { detail: string; retrying: boolean };

export const roomState = signal<RoomState>({ at: 'out' });
/** The browser plays nothing until a press allows it. */
export const playbackBlocked = signal(false);

let wanted: string | null = null;
let joined: { name: string; room: Room } | null = null;
/** The room that is being connected to, and how to stop waiting for it: LiveKit's client may wait for long after the room has closed. */
let joining: { room: Room; abandon: (failure: Failure | null) => void } | null = null;
/** Counts what was wanted: a join that began earlier is no longer asked for. */
let wishes = 0;
let settling = false;
let failures = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
const speakers = new Map<RemoteTrack, HTMLMediaElement>();

/** The room to sit in from now on, or null for none. */
export function want(room: string | null): void {
  if (wanted === room) return;
  wanted = room;
  wishes += 1;
  failures = 0;
  clearTimeout(retry);
  // A connection under way may take long to come about or to fail: it is not waited for.
  joining?.abandon(null);
  if (room === null) roomState.value = { at: 'out' };
  void settle();
}

/** Tries at once instead of at the end of a wait, ours or LiveKit's. Does nothing to a room that is well. */
export function tryAgain(): void {
  if (roomState.peek().at === 'reconnecting') leave();
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

/** Null when joined or no longer wanted. */
async function join(name: string): Promise<Failure | null> {
  const wish = wishes;
  let room: Room | null = null;
  try {
    const pass = passOf(await request('room-token', { room: name }));
    if (pass === null) return again('The switch gave no way into the room.');
    if (wish !== wishes) return null;
    const livekit = await import('livekit-client');
    const ours = new livekit.Room({
      disconnectOnPageLeave: true,
      stopLocalTrackOnUnpublish: false,
      singlePeerConnection: false,
    });
    room = ours;
    const abandoned = new Promise<Failure | null>((abandon) => {
      joining = { room: ours, abandon };
    });
    attend(livekit, ours, name);
    const failure = await Promise.race([room.connect(pass.url, pass.token), abandoned]);
    if (failure || wish !== wishes) {
      void room.disconnect(false);
      return wish === wishes ? (failure ?? null) : null;
    }
    joined = { name, room };
    failures = 0;
    roomState.value = { at: 'in', room: name };
    playbackBlocked.value = !room.canPlaybackAudio;
    // Not waited for: the browser may be asking for the microphone when the next room is wanted.
    void publish(room).catch(() => unheard(ours, name));
    return null;
  } catch (error) {
    void room?.disconnect(false);
    if (wish !== wishes) return null;
    if (link.peek().at !== 'open') return again('No connection to the switch.');
    if (error instanceof Refused) return again(error.message);
    return again(livekit.peek().at === 'lost' ? 'LiveKit cannot be reached.' : 'The room could not be joined.');
  } finally {
    joining = null;
  }
}

/** Plays who speaks, and shows how the room is. */
function attend({ DisconnectReason, RoomEvent }: LiveKit, room: Room, name: string): void {
  const show = (at: 'in' | 'reconnecting') => () => {
    if (joined?.room === room) roomState.value = { at, room: name };
  };
  room
    .on(RoomEvent.TrackSubscribed, (track) => play(track))
    .on(RoomEvent.TrackUnsubscribed, (track) => silence(track))
    .on(RoomEvent.AudioPlaybackStatusChanged, () => {
      playbackBlocked.value = !room.canPlaybackAudio;
    })
    .on(RoomEvent.SignalReconnecting, show('reconnecting'))
    .on(RoomEvent.Reconnecting, show('reconnecting'))
    .on(RoomEvent.Reconnected, show('in'))
    .on(RoomEvent.Disconnected, (reason) => {
      const failure = failureOf(DisconnectReason, reason);
      if (joining?.room === room) joining.abandon(failure);
      if (joined?.room !== room) return;
      joined = null;
      forgetSpeakers();
      if (wanted === name) fail(name, failure);
    });
}

/** Sent away by somebody, or by another window of the same operator, only a press brings this one back. */
function failureOf(reasons: LiveKit['DisconnectReason'], reason: number | undefined): Failure {
  if (reason === reasons.DUPLICATE_IDENTITY) return { detail: 'You joined from another window.', retrying: false };
  if (reason === reasons.PARTICIPANT_REMOVED) return { detail: 'You were removed from the room.', retrying: false };
  return again('The connection to the room was lost.');
}

/** Without a microphone the operator still listens; the microphone's own state says what is missing. */
async function publish(room: Room): Promise<void> {
  const track = await openMicrophone();
  if (track === null || joined?.room !== room) return;
  await room.localParticipant.publishTrack(track, { stopMicTrackOnMute: false, dtx: true });
}

/** The room would not take the microphone: joined anew, it may. */
function unheard(room: Room, name: string): void {
  if (joined?.room !== room) return;
  leave();
  fail(name, again('The room did not take your microphone.'));
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

function again(detail: string): Failure {
  return { detail, retrying: true };
}

function fail(name: string, { detail, retrying }: Failure): void {
  clearTimeout(retry);
  roomState.value = { at: 'failed', room: name, detail, retrying };
  if (!retrying) return;
  failures += 1;
  retry = setTimeout(() => void settle(), backoffMs(failures, Math.random()));
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
