/** Notices: short sentences that come up for a while, and what a screen reader is told. */
import { signal } from '@preact/signals';

export interface Shown {
  id: number;
  level: 'info' | 'warning';
  text: string;
}

const INFO_MS = 6_000;
const WARNING_MS = 12_000;
const AT_MOST = 4;

export const notices = signal<readonly Shown[]>([]);
/** The last thing said to a screen reader outside the notices; `n` makes a repetition news again. */
export const announcement = signal({ text: '', n: 0 });

let nextId = 1;

export function notify(level: Shown['level'], text: string): void {
  const shown: Shown = { id: nextId++, level, text };
  const others = notices.value.filter((notice) => notice.text !== text);
  notices.value = [...others, shown].slice(-AT_MOST);
  setTimeout(() => dismiss(shown.id), level === 'warning' ? WARNING_MS : INFO_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

export function announce(text: string): void {
  announcement.value = { text, n: announcement.value.n + 1 };
}
