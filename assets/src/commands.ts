/**
 * The operator's verbs. Each is a press at a place (`verb:call`), so that the control shows it at once.
 */
import { signal } from '@preact/signals';
import type { Guest } from './calls-out';
import { flushDraft } from './drafts';
import { isPending, press } from './presses';
import type { CommandName, Commands } from './protocol';
import { request } from './socket';
import { chosenCallId } from './state';

/** Where a command about a call or episode is pressed. */
export function placeOf(command: CommandName, id: string): string {
  return `${command}:${id}`;
}

export async function pickUp(callId: string): Promise<void> {
  if (await send('pick-up', callId, { callId })) chosenCallId.value = callId;
}

export async function pickUpNext(episodeId: string): Promise<void> {
  choose(await send('pick-up-next', episodeId, { episodeId }));
}

/** Shows the call that an answer names; false when the press was refused. */
function choose(answer: { result: unknown } | null): boolean {
  const callId = (answer?.result as { callId?: unknown } | null | undefined)?.callId;
  if (typeof callId === 'string') chosenCallId.value = callId;
  return answer !== null;
}

export async function approve(callId: string, next: boolean): Promise<void> {
  flushDraft(callId);
  await press(approvePlace(callId, next), () => request('approve', next ? { callId, next } : { callId }));
}

export function approvePlace(callId: string, next: boolean): string {
  return placeOf('approve', next ? `${callId}:next` : callId);
}

export async function backToLobby(callId: string): Promise<void> {
  flushDraft(callId);
  await send('back-to-lobby', callId, { callId });
}

export const setNext = (callId: string, next: boolean) => send('set-next', callId, { callId, next });
export const reorder = (callId: string, before: string | null) => send('reorder', callId, { callId, before });
export const putOnAir = (callId: string) => send('put-on-air', callId, { callId });
export const putOnHold = (callId: string) => send('put-on-hold', callId, { callId });
export const setMuted = (callId: string, muted: boolean) => send('set-muted', callId, { callId, muted });
export const setGain = (callId: string, gainDb: number) => send('set-gain', callId, { callId, gainDb });
export const setDenoise = (callId: string, denoise: boolean) =>
  send('set-denoise', callId, { callId, denoise });
export const block = (callId: string) => send('block-caller', callId, { callId });
export const drop = (callId: string) => send('drop', callId, { callId });
/** Answers whether their telephone rings now. */
export async function dial(episodeId: string, guest: Guest): Promise<boolean> {
  const { number, name, point } = guest;
  return choose(await send('dial', episodeId, { episodeId, number, name, point }));
}

export async function callBack(callId: string): Promise<boolean> {
  return choose(await send('call-back', callId, { callId }));
}

export const recordConsent = (callId: string) => send('record-consent', callId, { callId });
export const withdrawConsent = (callId: string) => send('withdraw-consent', callId, { callId });
export const transfer = (callId: string, target: string) => send('transfer', callId, { callId, target });

export const startShow = (episodeId: string) => send('start-show', episodeId, { episodeId });
export const endShow = (episodeId: string) => send('end-show', episodeId, { episodeId });
export const openLines = (episodeId: string) => send('open-lines', episodeId, { episodeId });
export const closeLines = (episodeId: string) => send('close-lines', episodeId, { episodeId });

export const setBusyAll = (episodeId: string, busy: boolean) =>
  send('busy-all', episodeId, { episodeId, busy });

export const setDucking = (episodeId: string, ducking: boolean) =>
  send('set-ducking', episodeId, { episodeId, ducking });
export const resetLoudness = (episodeId: string) => send('reset-loudness', episodeId, { episodeId });

/** A Next so soon after one that took somebody is a double press: it would drop whom the first took. */
const SAME_NEXT_MS = 1_000;
let nextTakenAt: number | null = null;

export function isSameNext(takenAt: number | null, now: number): boolean {
  return takenAt !== null && now - takenAt < SAME_NEXT_MS;
}

export async function takeNext(episodeId: string): Promise<void> {
  if (isSameNext(nextTakenAt, performance.now())) return;
  if (await send('next', episodeId, { episodeId })) nextTakenAt = performance.now();
}

const ARMED_MS = 3_000;

/** What was pressed once and waits for the second press: a place, or null. */
export const armed = signal<string | null>(null);
let disarm: ReturnType<typeof setTimeout> | undefined;

/** A press that must be repeated within three seconds at the same place. */
export function pressTwice(place: string, task: () => unknown): void {
  clearTimeout(disarm);
  if (armed.value === place && !isPending(place)) {
    armed.value = null;
    task();
    return;
  }
  armed.value = place;
  disarm = setTimeout(() => {
    if (armed.value === place) armed.value = null;
  }, ARMED_MS);
}

function send<N extends CommandName>(command: N, id: string, fields: Commands[N]) {
  return press(placeOf(command, id), () => request(command, fields));
}
