/**
 * Presses: what happens between a press and its answer. Every control has a place (a string);
 * a place is pending from the press to the answer, and carries the refusal, if one came, until
 * the next press there or until it has been read.
 */
import { signal } from '@preact/signals';
import { announce } from './notices';
import { Refused } from './refused';

export type PressState = { at: 'pending' } | { at: 'refused'; detail: string; n: number };

const REFUSAL_SHOWN_MS = 8_000;

export const presses = signal<ReadonlyMap<string, PressState>>(new Map());
let count = 0;

export function isPending(place: string): boolean {
  return presses.value.get(place)?.at === 'pending';
}

/** The sentence to show at any of these places. */
export function refusalAt(places: readonly string[]): string | null {
  for (const place of places) {
    const state = presses.value.get(place);
    if (state?.at === 'refused') return state.detail;
  }
  return null;
}

/** Runs a press. Answers null when it was refused or one is already under way at this place. */
export async function press<T>(place: string, task: () => Promise<T>): Promise<{ result: T } | null> {
  if (isPending(place)) return null;
  put(place, { at: 'pending' });
  try {
    const result = await task();
    put(place, null);
    return { result };
  } catch (error) {
    refuse(place, error instanceof Refused ? error.message : 'Something went wrong in this page. Try again.');
    if (!(error instanceof Refused)) console.error(error);
    return null;
  }
}

/** Says no at a place, without asking the switch. */
export function refuse(place: string, detail: string): void {
  const n = ++count;
  put(place, { at: 'refused', detail, n });
  announce(detail);
  setTimeout(() => {
    const state = presses.value.get(place);
    if (state?.at === 'refused' && state.n === n) put(place, null);
  }, REFUSAL_SHOWN_MS);
}

function put(place: string, state: PressState | null): void {
  const after = new Map(presses.value);
  if (state === null) after.delete(place);
  else after.set(place, state);
  presses.value = after;
}
