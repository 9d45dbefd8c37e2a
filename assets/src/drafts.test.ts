import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Board } from './board';
import { Refused } from './refused';
import { call } from './testing';

const request = vi.hoisted(() => vi.fn<(command: string, fields: object) => Promise<unknown>>());
vi.mock('./socket', async () => {
  const { signal } = await import('@preact/signals');
  return { link: signal({ at: 'open' }), request };
});
vi.mock('./state', async () => {
  const { signal } = await import('@preact/signals');
  return { board: signal(null) };
});

const { drafts, saveProblem, type, watchDrafts } = await import('./drafts');
const { notices } = await import('./notices');
const { board } = await import('./state');

function shows(...calls: ReturnType<typeof call>[]): void {
  board.value = { calls: new Map(calls.map((each) => [each.id, each])) } as unknown as Board;
}

let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  request.mockReset().mockResolvedValue({});
  notices.value = [];
  shows(call('a', { status: 'screening' }));
  stop = watchDrafts();
});
afterEach(() => stop());

test('who hangs up in mid-sentence leaves what was typed so far', async () => {
  type('a', 'notes', 'Wants to talk abo');
  shows(call('a', { status: 'completed' }));
  expect(request).toHaveBeenCalledExactlyOnceWith('update-card', { callId: 'a', notes: 'Wants to talk abo' });
  expect(drafts.value.size).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(request).toHaveBeenCalledTimes(1);
  expect(notices.value).toEqual([]);
});

test('a card that goes unsaved with its caller is told of', async () => {
  request.mockRejectedValueOnce(new Refused(404, 'There is no such call, or it is over.'));
  type('a', 'notes', 'Wants');
  shows();
  await vi.advanceTimersByTimeAsync(0);
  expect(notices.value[0]?.text).toContain('There is no such call');
  expect(saveProblem.value.size).toBe(0);
});

test('a call that goes on is saved when the typing pauses', async () => {
  type('a', 'name', 'Ray');
  shows(call('a', { status: 'on-hold' }));
  expect(request).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(350);
  expect(request).toHaveBeenCalledExactlyOnceWith('update-card', { callId: 'a', name: 'Ray' });
});
