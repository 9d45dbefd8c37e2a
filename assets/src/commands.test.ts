import { beforeEach, expect, test, vi } from 'vitest';
import { Refused } from './refused';

const request = vi.hoisted(() => vi.fn<() => Promise<unknown>>());
vi.mock('./socket', async () => {
  const { signal } = await import('@preact/signals');
  return { link: signal({ at: 'open' }), request };
});
vi.mock('./state', async () => {
  const { signal } = await import('@preact/signals');
  return { board: signal(null), chosenCallId: signal(null) };
});

const { isSameNext, takeNext } = await import('./commands');

beforeEach(() => {
  vi.useFakeTimers();
  vi.advanceTimersByTime(10_000);
  request.mockReset().mockResolvedValue({});
});

test('a Next within a second of one that took somebody is the same', () => {
  expect(isSameNext(null, 0)).toBe(false);
  expect(isSameNext(5_000, 5_999)).toBe(true);
  expect(isSameNext(5_000, 6_000)).toBe(false);
});

test('Space pressed twice takes one caller', async () => {
  await takeNext('episode');
  vi.advanceTimersByTime(300);
  await takeNext('episode');
  expect(request).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(700);
  await takeNext('episode');
  expect(request).toHaveBeenCalledTimes(2);
});

test('after a refused Next the following one counts', async () => {
  vi.advanceTimersByTime(10_000);
  request.mockRejectedValueOnce(new Refused(409, 'Nobody is waiting.'));
  await takeNext('episode');
  await takeNext('episode');
  expect(request).toHaveBeenCalledTimes(2);
});
