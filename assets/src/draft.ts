/**
 * A card as it is being typed, beside the card the switch has. A typed field wins until the switch says
 * the same, so that no echo moves the cursor. Pure.
 */
import type { Call, CardFields } from './protocol';

export type CardField = 'name' | 'location' | 'point' | 'notes' | 'callerNotes';

/** How long a field may be, in characters. */
export const LIMITS: Record<CardField, number> = {
  name: 80,
  location: 80,
  point: 60,
  notes: 2000,
  callerNotes: 2000,
};

export interface Typed {
  text: string;
  saved: boolean;
}

/** Typed fields by call. */
export type Drafts = ReadonlyMap<string, Readonly<Partial<Record<CardField, Typed>>>>;

/** The fields of a call that the switch does not have yet. */
export function unsaved(all: Drafts, callId: string): CardFields {
  const fields: CardFields = {};
  for (const [field, typed] of Object.entries(all.get(callId) ?? {})) {
    if (!typed.saved) fields[field as CardField] = typed.text;
  }
  return fields;
}

/** Marks as saved what is still as it was sent. */
export function acknowledged(all: Drafts, callId: string, sent: CardFields): Drafts {
  const draft = { ...all.get(callId) };
  for (const [field, typed] of Object.entries(draft) as [CardField, Typed][]) {
    if (sent[field] === typed.text) draft[field] = { ...typed, saved: true };
  }
  return put(all, callId, draft);
}

/** The call has ended, or the board no longer knows it. */
export function isOver(call: Call | undefined): boolean {
  return call === undefined || call.status === 'completed';
}

/** Lets go of saved fields the switch now shows alike, and of calls that are over. */
export function settled(all: Drafts, calls: ReadonlyMap<string, Call>): Drafts {
  let after = all;
  for (const [callId, draft] of all) {
    const call = calls.get(callId);
    const left: Partial<Record<CardField, Typed>> = {};
    for (const [field, typed] of Object.entries(draft) as [CardField, Typed][]) {
      const alike = typed.saved && (call?.[field] ?? '') === typed.text.trim();
      if (!isOver(call) && !alike) left[field] = typed;
    }
    if (Object.keys(left).length !== Object.keys(draft).length) after = put(after, callId, left);
  }
  return after;
}

/** The drafts with one call's replaced; an empty one is forgotten. */
export function put(all: Drafts, callId: string, draft: Partial<Record<CardField, Typed>>): Drafts {
  const after = new Map(all);
  if (Object.keys(draft).length === 0) after.delete(callId);
  else after.set(callId, draft);
  return after;
}
