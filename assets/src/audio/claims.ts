/**
 * The calls that were picked up, dialled or chosen in this window. Only in this one the operator sits with them: to
 * LiveKit two windows of one operator are one person, and the second would put out the first. Kept over a reload.
 */
import { effect, signal } from '@preact/signals';
import { board, chosenCallId } from '../state';

const KEY = 'calls';

export const claims = signal<readonly string[]>(sessionStorage.getItem(KEY)?.split(' ') ?? []);

export function claim(callId: string): void {
  keep([...claims.peek().filter((id) => id !== callId), callId]);
}

/**
 * A call that left its operator may next be taken in the other window. The switch's answer to a pick-up may come
 * before the call does, but not before the first board.
 */
export function stillClaimed(
  claimed: readonly string[],
  before: ReadonlySet<string> | null,
  now: ReadonlySet<string>,
): readonly string[] {
  return claimed.filter((id) => now.has(id) || (before !== null && !before.has(id)));
}

/** Keeps the claims; answers how to stop, which gives them up. */
export function watchClaims(): () => void {
  let before: ReadonlySet<string> | null = null;
  const stopClaiming = effect(() => {
    if (chosenCallId.value !== null) claim(chosenCallId.value);
  });
  const stopForgetting = effect(() => {
    if (board.value === null) return;
    const { calls, you } = board.value;
    const now = new Set<string>();
    for (const call of calls.values())
      if (call.status === 'screening' && call.heldBy === you.operatorId) now.add(call.id);
    const kept = stillClaimed(claims.peek(), before, now);
    before = now;
    if (kept.length < claims.peek().length) keep(kept);
    // Picked up again, it must be news.
    if (!kept.includes(chosenCallId.peek() ?? '')) chosenCallId.value = kept[kept.length - 1] ?? null;
  });
  return () => {
    stopClaiming();
    stopForgetting();
    keep([]);
  };
}

function keep(callIds: readonly string[]): void {
  claims.value = callIds;
  if (callIds.length === 0) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, callIds.join(' '));
}
