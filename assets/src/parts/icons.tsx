/** Our own icons: 20 by 20, drawn with one stroke, always beside a word. */
import type { JSX } from 'preact';

const PATHS = {
  ringing:
    'M4 5.5c0 5.8 4.7 10.5 10.5 10.5l1.5-3-3.2-1.8-1.5 1.3a9 9 0 0 1-3.8-3.8L8.8 7.2 7 4 4 5.5ZM12 4a4 4 0 0 1 4 4',
  phone: 'M4 5.5c0 5.8 4.7 10.5 10.5 10.5l1.5-3-3.2-1.8-1.5 1.3a9 9 0 0 1-3.8-3.8L8.8 7.2 7 4 4 5.5Z',
  headset:
    'M4 12V10a6 6 0 0 1 12 0v2M4 11.5h2v4H4.8a.8.8 0 0 1-.8-.8v-3.2ZM16 11.5h-2v4h1.2a.8.8 0 0 0 .8-.8v-3.2Z',
  check: 'M4.5 10.5 8.5 14.5 15.5 6',
  next: 'M5 5v10l6.5-5L5 5ZM14.5 5v10',
  air: 'M10 9.2v6.3M10 8.6a1 1 0 1 0 0-.1M6.8 11.4a4.2 4.2 0 1 1 6.4 0M4.4 13.4a7.2 7.2 0 1 1 11.2 0',
  hold: 'M7 5v10M13 5v10',
  drop: 'M2.5 12.8c-1-1.8 2.7-5.3 7.5-5.3s8.5 3.5 7.5 5.3l-.9 1.4-3.8-1.2-.2-2.1c-1.7-.5-3.5-.5-5.2 0l-.2 2.1-3.8 1.2-.9-1.4Z',
  block: 'M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5.5 5.5l9 9',
  star: 'M10 3.5l2 4.3 4.6.6-3.4 3.2.9 4.7L10 14l-4.1 2.3.9-4.7L3.4 8.4 8 7.8l2-4.3Z',
  sparkle: 'M10 3.5v4M10 12.5v4M3.5 10h4M12.5 10h4',
  repeat: 'M4.5 9a5.6 5.6 0 0 1 10-2.2M15.5 4v3h-3M15.5 11a5.6 5.6 0 0 1-10 2.2M4.5 16v-3h3',
  mic: 'M10 3.5a2.2 2.2 0 0 1 2.2 2.2v4a2.2 2.2 0 0 1-4.4 0v-4A2.2 2.2 0 0 1 10 3.5ZM5.5 9.5a4.5 4.5 0 0 0 9 0M10 14v2.5',
  micOff:
    'M12.2 9.5V5.7a2.2 2.2 0 0 0-4.2-.9M7.8 8v1.7a2.2 2.2 0 0 0 3 2M5.5 9.5a4.5 4.5 0 0 0 7 3.7M14.5 9.5a4.5 4.5 0 0 1-.5 2M10 14v2.5M4 4l12 12',
  warning: 'M10 4 17 16H3L10 4ZM10 8.5v3.4M10 13.8v.2',
  up: 'M10 15V5M5.5 9.5 10 5l4.5 4.5',
  down: 'M10 5v10M5.5 10.5 10 15l4.5-4.5',
  back: 'M8.5 5 4 9.5 8.5 14M4 9.5h7a5 5 0 0 1 5 5v.5',
  grip: 'M7.5 5v.1M12.5 5v.1M7.5 10v.1M12.5 10v.1M7.5 15v.1M12.5 15v.1',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  clock: 'M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM10 6.5V10l2.5 1.8',
  keyboard: 'M3.5 6h13v8.5h-13V6ZM6 8.8v.1M8.7 8.8v.1M11.3 8.8v.1M14 8.8v.1M7 11.8h6',
  person: 'M10 4a2.8 2.8 0 1 0 0 5.6A2.8 2.8 0 0 0 10 4ZM4.5 16.5c.5-3.2 2.7-4.7 5.5-4.7s5 1.5 5.5 4.7',
  leave: 'M8 4.5H4.5v11H8M9 10h7.5M13.5 7l3 3-3 3',
  plug: 'M7 3.5V7M13 3.5V7M5 7h10v2.5a5 5 0 0 1-10 0V7ZM10 14.5v2',
  info: 'M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM10 9.2v4M10 6.7v.1',
  lock: 'M5.5 9h9v7h-9V9ZM7.2 9V6.8a2.8 2.8 0 0 1 5.6 0V9',
  barsGood: 'M4.5 15.5v-2M8.2 15.5v-5M11.9 15.5v-8M15.6 15.5v-11',
  barsFair: 'M4.5 15.5v-2M8.2 15.5v-5M11.9 15.5v-.1M15.6 15.5v-.1',
  barsBad: 'M4.5 15.5v-2M8.2 15.5v-.1M11.5 5.5l5 5M16.5 5.5l-5 5',
  plus: 'M10 4.5v11M4.5 10h11',
  minus: 'M4.5 10h11',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: extra = '' }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: four bars and a dot, as on the tab. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M3 14V9.5M8 18V6M13 15.5V8.5M18 19V5" />
      <circle cx="22" cy="12" r="1.6" />
    </svg>
  );
}
