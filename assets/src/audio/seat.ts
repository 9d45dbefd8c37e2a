/**
 * Which room this browser belongs in: a screener's is that of the call on the card, a host's is the
 * studio once the host has pressed Join studio and while that episode is live. A host who called somebody
 * talks with them out of the studio, or by a press that leaves it meanwhile. Of several windows only the one
 * that took a call sits with the caller.
 */
import { computed, effect, signal } from '@preact/signals';
import { livekit } from '../livekit';
import { presses } from '../presses';
import type { Call } from '../protocol';
import { path } from '../route';
import { link } from '../socket';
import { chooseEpisode, chosenCallId, episode, myCall, myCalls } from '../state';
import { claim, claims, watchClaims } from './claims';
import { closeMicrophone } from './microphone';
import { roomState, tryAgain, want } from './room';

const TAKES = /^(pick-up|pick-up-next|dial|call-back):/;

type Seat = { at: 'studio'; room: string } | { at: 'guest'; room: string; callId: string };

/** The episode whose studio the host pressed to join. Not remembered over a reload: a browser wants the press again. */
const joined = signal<string | null>(null);

/** The host has pressed Join studio for the episode on the desk. */
export const inStudio = computed(() => joined.value !== null && joined.value === episode.value?.id);

/** The guest with whom the host talks instead of sitting in the studio. */
export const aside = signal<string | null>(null);

const here = computed<Seat | null>(() => {
  if (path.value === '/screener') return claimed();
  const guest = path.value === '/host' ? myCalls.value.find((call) => call.id === aside.value) : undefined;
  if (guest?.roomName) return besides(guest);
  if (inStudio.value && episode.value?.status === 'live') return { at: 'studio', room: episode.value.liveRoom };
  return path.value === '/host' && !inStudio.value ? claimed() : null;
});

/** Where this window sits, or is on the way to. */
export const seat = computed<Seat['at'] | null>(() => here.value?.at ?? null);

/** The call this window sits with. */
export const seatedWith = computed(() => (here.value?.at === 'guest' ? here.value.callId : null));

/** The switch and LiveKit are both there, as far as is known. */
const reachable = computed(() => link.value.at === 'open' && livekit.value.at !== 'lost');

/** Joining is choosing: another show that goes live meanwhile does not take the desk. */
export function joinStudio(episodeId: string): void {
  chooseEpisode(episodeId);
  joined.value = episodeId;
}

export function leaveStudio(): void {
  joined.value = null;
}

/** Whether this call of mine is to be talked to by a press only: another window may sit with it. */
export function talksElsewhere(call: Call): boolean {
  if (call.roomName === null || seatedWith.value === call.id) return false;
  // The answer to a press may be about to give it to this window.
  return ![...presses.value].some(([place, { at }]) => at === 'pending' && TAKES.test(place));
}

export function talkHere(callId: string): void {
  claim(callId);
  chosenCallId.value = callId;
}

/** Keeps the browser in its seat; answers how to stop, which also lets the microphone go. */
export function takeSeat(): () => void {
  const stopClaims = watchClaims();
  const stop = effect(() => want(here.value?.room ?? null));
  // Whoever goes to another show, or is taken there, is in no studio until the next press.
  const stopLeaving = effect(() => {
    if (episode.value !== null && !inStudio.value) leaveStudio();
  });
  // Back after a loss, the switch or LiveKit: what still waits to be tried again is tried at once.
  const stopRetrying = effect(() => {
    const room = roomState.peek();
    const gaveWay = room.at === 'failed' && !room.retrying;
    if (reachable.value && !gaveWay) tryAgain();
  });
  return () => {
    stop();
    stopLeaving();
    stopRetrying();
    stopClaims();
    leaveStudio();
    aside.value = null;
    want(null);
    closeMicrophone();
  };
}

function claimed(): Seat | null {
  const call = myCall.value;
  return call && claims.value.includes(call.id) ? besides(call) : null;
}

function besides(call: Call): Seat | null {
  return call.roomName === null ? null : { at: 'guest', room: call.roomName, callId: call.id };
}
