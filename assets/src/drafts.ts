/**
 * The cards being typed: sent when the typing pauses, and again after a lost connection.
 * What wins over what is decided in `draft.ts`.
 */
import { effect, signal, untracked } from '@preact/signals';
import { acknowledged, isOver, put, settled, unsaved, type CardField, type Drafts } from './draft';
import { notify } from './notices';
import type { Call } from './protocol';
import { Refused } from './refused';
import { link, request } from './socket';
import { board } from './state';

const PAUSE_MS = 350;

export const drafts = signal<Drafts>(new Map());
/** Why the last save of a call's card failed, by call. */
export const saveProblem = signal<ReadonlyMap<string, string>>(new Map());
const timers = new Map<string, ReturnType<typeof setTimeout>>();

export function shown(call: Call, field: CardField): string {
  return drafts.value.get(call.id)?.[field]?.text ?? call[field] ?? '';
}

export function saving(callId: string): boolean {
  return Object.values(drafts.value.get(callId) ?? {}).some((typed) => !typed.saved);
}

export function type(callId: string, field: CardField, text: string): void {
  drafts.value = put(drafts.value, callId, { ...drafts.value.get(callId), [field]: { text, saved: false } });
  clearTimeout(timers.get(callId));
  timers.set(
    callId,
    setTimeout(() => flushDraft(callId), PAUSE_MS),
  );
}

/** Sends what was typed and not yet saved. */
export function flushDraft(callId: string): void {
  clearTimeout(timers.get(callId));
  timers.delete(callId);
  const sent = unsaved(drafts.value, callId);
  if (Object.keys(sent).length === 0 || link.peek().at !== 'open') return;
  request('update-card', { callId, ...sent }).then(
    () => {
      drafts.value = acknowledged(drafts.value, callId, sent);
      problem(callId, null);
    },
    (error: unknown) => {
      const sentence = error instanceof Refused ? error.message : 'The card was not saved.';
      const calls = board.peek()?.calls;
      // The card that would show it is gone.
      if (calls && isOver(calls.get(callId)))
        notify('warning', `The card of a caller who has gone was not saved: ${sentence}`);
      else problem(callId, sentence);
    },
  );
}

/** Settles drafts against the board and sends what a lost connection kept back. Answers how to stop. */
export function watchDrafts(): () => void {
  const stopSettling = effect(() => {
    const calls = board.value?.calls;
    if (!calls) return;
    // Settling forgets what was typed about a caller who has just hung up; the switch still takes it.
    untracked(() => {
      for (const callId of drafts.value.keys()) if (isOver(calls.get(callId))) flushDraft(callId);
    });
    drafts.value = settled(drafts.peek(), calls);
  });
  const stopResending = effect(() => {
    if (link.value.at !== 'open') return;
    untracked(() => {
      for (const callId of drafts.value.keys()) flushDraft(callId);
    });
  });
  return () => {
    stopSettling();
    stopResending();
  };
}

/** Leaving a field: what is saved there follows the switch again. */
export function leave(callId: string, field: CardField): void {
  const draft = { ...drafts.value.get(callId) };
  if (!draft[field]?.saved) return;
  delete draft[field];
  drafts.value = put(drafts.value, callId, draft);
}

function problem(callId: string, sentence: string | null): void {
  const after = new Map(saveProblem.value);
  if (sentence === null) after.delete(callId);
  else after.set(callId, sentence);
  saveProblem.value = after;
}
