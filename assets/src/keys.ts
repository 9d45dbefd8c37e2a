/**
 * The keyboard of a desk. `keyAction` is the whole map and pure; `listenKeys` is its shell.
 * While somebody types, only function keys act; Space and Enter keep their meaning on a focused control.
 */
import type { Page } from './policy';

export type KeyAction =
  | { do: 'answer-next' }
  | { do: 'next' }
  | { do: 'select'; line: number }
  | { do: 'take-selected' }
  | { do: 'hold' }
  | { do: 'drop' }
  | { do: 'mute' }
  | { do: 'mute-mic' }
  | { do: 'cough' }
  | { do: 'help' }
  | { do: 'clear' };

export interface Stroke {
  key: string;
  shift: boolean;
  /** Control, Alt or Meta: those belong to the browser. */
  modified: boolean;
  repeat: boolean;
}

/** Where the focus is: on nothing, on a control, in a field, or inside an open dialog. */
export type Focus = 'page' | 'control' | 'typing' | 'dialog';

/** What a key does on a page, or null. */
export function keyAction(page: Page, stroke: Stroke, focus: Focus): KeyAction | null {
  if (stroke.modified || stroke.repeat) return null;
  if (stroke.key === 'F1') return page === 'screener' && focus !== 'dialog' ? { do: 'answer-next' } : null;
  if (focus === 'typing') return null;
  if (stroke.key === '?') return { do: 'help' };
  // Nothing under an open question may move; Escape closes it by itself.
  if (focus === 'dialog') return null;
  if (stroke.key === 'Escape') return { do: 'clear' };
  if (page === 'admin') return null;
  if (/^[1-9]$/.test(stroke.key)) return { do: 'select', line: Number(stroke.key) };
  if (stroke.key === 'Enter') return focus === 'page' ? { do: 'take-selected' } : null;
  const letter = stroke.key.toLowerCase();
  if (letter === 'c') return { do: 'cough' };
  if (letter === 'd') return { do: 'drop' };
  if (letter === 'm') return page === 'screener' || stroke.shift ? { do: 'mute-mic' } : { do: 'mute' };
  if (page !== 'host') return null;
  if (letter === 'n') return { do: 'next' };
  if (letter === 'h') return { do: 'hold' };
  if (stroke.key === ' ') return focus === 'page' ? { do: 'next' } : null;
  return null;
}

/** A field being typed into, and when it last heard a key. */
export interface Typing {
  field: { readonly isConnected: boolean };
  at: number;
}

/** So long after its last key, the keys to a field that has gone are the rest of a sentence. */
const REST_MS = 1_500;

/**
 * What is being typed after a key, and whether to swallow it: a caller who hangs up takes the card away in mid-word.
 * `field` is the one with the focus, or null.
 */
export function typingAfter(
  before: Typing | null,
  stroke: Stroke,
  field: Typing['field'] | null,
  now: number,
): [Typing | null, boolean] {
  if (stroke.modified) return [before, false];
  const leaves = stroke.key === 'F1' || stroke.key === 'Escape';
  if (!leaves && before && !before.field.isConnected && now - before.at < REST_MS)
    return [{ ...before, at: now }, true];
  // Enter sends: the field then goes because its operator is done with it.
  return [leaves || stroke.key === 'Enter' || field === null ? null : { field, at: now }, false];
}

/** What the overlay lists. */
export const KEY_HELP: Record<Page, readonly (readonly [string, string])[]> = {
  screener: [
    ['F1', 'Pick up the longest waiting caller (also while typing)'],
    ['Enter', 'In the card: approve'],
    ['Shift + Enter', 'In the card: approve and make next'],
    ['1 – 9', 'Select a line in the lobby'],
    ['Enter', 'Pick up the selected line'],
    ['D', 'Drop the caller I am screening'],
    ['M', 'Mute my microphone, and back'],
    ['C', 'Cough: my microphone is off while held'],
    ['Alt + ↑ ↓', 'On a queue row: move it'],
    ['Esc', 'Leave a field, clear the selection'],
  ],
  host: [
    ['Space or N', 'Next: take the next caller'],
    ['1 – 9', 'Select a line'],
    ['Enter', 'Put the selected line on air'],
    ['H', 'Hold the caller on air'],
    ['D', 'Drop; on air press twice'],
    ['M', 'Mute the caller on air, and back'],
    ['Shift + M', 'Mute my microphone, and back'],
    ['C', 'Cough: my microphone is off while held'],
    ['Esc', 'Clear the selection'],
  ],
  admin: [
    ['Tab', 'From field to field'],
    ['Esc', 'Close what is open'],
  ],
};

/** Sends the page's keys to `act`; `release` hears the cough key come up. Answers how to stop. */
export function listenKeys(
  page: () => Page | null,
  act: (action: KeyAction) => void,
  release: () => void,
): () => void {
  let typing: Typing | null = null;
  let pointed = false;
  const point = () => {
    pointed = true;
    typing = null;
  };
  const beforeAll = (event: KeyboardEvent) => {
    pointed = false;
    const field =
      event.target instanceof HTMLElement && focusOf(event.target) === 'typing' ? event.target : null;
    const [after, swallowed] = typingAfter(typing, strokeOf(event), field, event.timeStamp);
    typing = after;
    if (!swallowed) return;
    event.preventDefault();
    event.stopPropagation();
  };
  // What was used by pointer gives the keys back to the desk, as a pressed button does.
  const giveBack = (event: Event) => {
    if (!pointed || !(event.target instanceof Element)) return;
    event.target.closest<HTMLElement>(event.type === 'change' ? 'select' : 'a[href]')?.blur();
  };
  const down = (event: KeyboardEvent) => {
    const here = page();
    if (here === null || event.defaultPrevented) return;
    const focus = focusOf(event.target);
    if (event.key === 'Escape' && focus === 'typing' && event.target instanceof HTMLElement)
      event.target.blur();
    const action = keyAction(here, strokeOf(event), focus);
    if (action === null) {
      if (event.key === 'F1' && here === 'screener') event.preventDefault();
      return;
    }
    event.preventDefault();
    act(action);
  };
  const up = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() === 'c') release();
  };
  addEventListener('pointerdown', point, true);
  addEventListener('keydown', beforeAll, true);
  addEventListener('change', giveBack);
  addEventListener('click', giveBack);
  addEventListener('keydown', down);
  addEventListener('keyup', up);
  // A key released in another window is never heard here.
  addEventListener('blur', release);
  return () => {
    removeEventListener('pointerdown', point, true);
    removeEventListener('keydown', beforeAll, true);
    removeEventListener('change', giveBack);
    removeEventListener('click', giveBack);
    removeEventListener('keydown', down);
    removeEventListener('keyup', up);
    removeEventListener('blur', release);
  };
}

function strokeOf(event: KeyboardEvent): Stroke {
  return {
    key: event.key,
    shift: event.shiftKey,
    modified: event.ctrlKey || event.altKey || event.metaKey,
    repeat: event.repeat,
  };
}

function focusOf(target: EventTarget | null): Focus {
  if (document.querySelector('dialog[open]')) return 'dialog';
  if (!(target instanceof HTMLElement)) return 'page';
  if (
    target.isContentEditable ||
    target.matches('textarea, select, input:not([type=checkbox], [type=radio])')
  )
    return 'typing';
  return target.closest('button, a[href], input, summary') ? 'control' : 'page';
}
