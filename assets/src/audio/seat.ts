/**
 * Which room this browser belongs in: a screener's is that of the call on the card, a host's is the
 * studio once the host has pressed Join studio and while the episode is live. A host who called somebody
 * talks with them out of the studio, or by a press that leaves it meanwhile.
 */
import { computed, effect, signal } from '@preact/signals';
import { livekit } from '../livekit';
import { path } from '../route';
import { link } from '../socket';
import { episode, myCall, myCalls } from '../state';
import { closeMicrophone } from './microphone';
import { roomState, tryAgain, want } from './room';

/** The host has pressed Join studio. Not remembered over a reload: a browser wants the press again. */
export const inStudio = signal(false);

/** The guest with whom the host talks instead of sitting in the studio. */
export const aside = signal<string | null>(null);

const seat = computed<string | null>(() => {
  if (path.value === '/screener') return myCall.value?.roomName ?? null;
  const guest = path.value === '/host' ? myCalls.value.find((call) => call.id === aside.value) : undefined;
  if (guest) return guest.roomName;
  if (inStudio.value && episode.value?.status === 'live') return episode.value.liveRoom;
  return path.value === '/host' && !inStudio.value ? (myCall.value?.roomName ?? null) : null;
});

/** The switch and LiveKit are both there, as far as is known. */
const reachable = computed(() => link.value.at === 'open' && livekit.value.at !== 'lost');

/** Keeps the browser in its seat; answers how to stop, which also lets the microphone go. */
export function takeSeat(): () => void {
  const stop = effect(() => want(seat.value));
  // Back after a loss, the switch or LiveKit: what still waits to be tried again is tried at once.
  const stopRetrying = effect(() => {
    const room = roomState.peek();
    const gaveWay = room.at === 'failed' && !room.retrying;
    if (reachable.value && !gaveWay) tryAgain();
  });
  return () => {
    stop();
    stopRetrying();
    inStudio.value = false;
    aside.value = null;
    want(null);
    closeMicrophone();
  };
}
