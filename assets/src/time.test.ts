import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { formatDay, formatElapsed, seconds, speakElapsed, startClock, waitAge } from './time';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('elapsed time reads as a timer', () => {
  expect([0, 7, 65, 754, 3_723].map(formatElapsed)).toEqual(['0:00', '0:07', '1:05', '12:34', '1:02:03']);
});

test('a clock that is ahead shows zero, not a negative time', () => {
  expect(formatElapsed(-3)).toBe('0:00');
});

test('elapsed time is spoken in words', () => {
  expect(speakElapsed(61)).toBe('1 minute 1 second');
  expect(speakElapsed(5)).toBe('5 seconds');
});

test('a wait grows old after two and five minutes', () => {
  expect([119, 120, 299, 300].map(waitAge)).toEqual(['fresh', 'waiting', 'waiting', 'long']);
});

test('days are counted by the calendar', () => {
  const now = new Date(2026, 5, 10, 0, 30).getTime();
  expect(formatDay(new Date(2026, 5, 10, 0, 1).getTime(), now)).toBe('today');
  expect(formatDay(new Date(2026, 5, 9, 23, 59).getTime(), now)).toBe('yesterday');
  expect(formatDay(new Date(2026, 5, 5, 12).getTime(), now)).toBe('5 days ago');
  expect(formatDay(new Date(2025, 2, 12).getTime(), now)).toBe('12 Mar 2025');
});

test('the clock ticks once a second and stops when told', () => {
  vi.setSystemTime(50_000);
  const stop = startClock();
  const told: number[] = [];
  const unsubscribe = seconds.subscribe((value) => told.push(value));
  vi.advanceTimersByTime(3_000);
  stop();
  vi.advanceTimersByTime(3_000);
  unsubscribe();
  expect(told.slice(1)).toEqual([50, 51, 52, 53]);
});
