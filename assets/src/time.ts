/**
 * Clocks and how they read. The formatting is pure; `seconds` ticks once a second for whoever reads it.
 */
import { signal } from '@preact/signals';

/** Whole seconds since 1970 by this machine's clock; the pages add the switch's offset. */
export const seconds = signal(Math.floor(Date.now() / 1000));

/** Starts the ticking; answers how to stop it. */
export function startClock(): () => void {
  const timer = setInterval(() => {
    seconds.value = Math.floor(Date.now() / 1000);
  }, 200);
  return () => clearInterval(timer);
}

/** 0:07, 12:34, 1:02:03. Never negative: clocks differ by a little. */
export function formatElapsed(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** The same for a screen reader: "2 minutes 5 seconds". */
export function speakElapsed(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds));
  const minutes = Math.floor(whole / 60);
  const parts = minutes > 0 ? [count(minutes, 'minute')] : [];
  parts.push(count(whole % 60, 'second'));
  return parts.join(' ');
}

/** 14:05:09 in the reader's own zone. */
export function formatClock(epochMs: number): string {
  const at = new Date(epochMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** "today", "yesterday", "3 days ago", "12 Mar 2025". */
export function formatDay(epochMs: number, nowMs: number): string {
  const days = Math.round((startOfDay(nowMs) - startOfDay(epochMs)) / 86_400_000);
  if (days <= 0) return 'today';
  if (days === 1) return 'yesterday';
  if (days < 30) return `${days} days ago`;
  return new Date(epochMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** How long a wait reads: normal, worth attention after two minutes, long after five. */
export function waitAge(waitedSeconds: number): 'fresh' | 'waiting' | 'long' {
  if (waitedSeconds >= 300) return 'long';
  return waitedSeconds >= 120 ? 'waiting' : 'fresh';
}

function startOfDay(epochMs: number): number {
  return new Date(epochMs).setHours(0, 0, 0, 0);
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
