import { signal } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Call, Episode } from '../protocol';
import { call, episode, snapshot } from '../testing';

const stored = new Map<string, string>();
vi.stubGlobal('sessionStorage', {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
});
vi.mock('../route', () => ({ path: signal('/host') }));
vi.mock('../socket', () => ({ link: signal({ at: 'open' }) }));
vi.mock('./microphone', () => ({ closeMicrophone: () => {} }));
const wanted: (string | null)[] = [];
vi.mock('./room', () => ({
  roomState: signal({ at: 'out' }),
  tryAgain: () => {},
  want: (room: string | null) => void wanted.push(room),
}));

const { path } = await import('../route');
const { press } = await import('../presses');
const state = await import('../state');
const { aside, inStudio, joinStudio, leaveStudio, seat, seatedWith, takeSeat, talkHere, talksElsewhere } = await import(
  './seat'
);
const { stillClaimed } = await import('./claims');

const show = (id: string, number: number, status: Episode['status'] = 'live') =>
  episode({ id, number, status, liveRoom: `live-${id}` });
const guest = (id: string, fields: Partial<Call> = {}) =>
  call(id, { episodeId: 'b', status: 'screening', heldBy: 'ada', roomName: `screening-${id}`, ...fields });
const board = (episodes: Episode[], calls: Call[] = []) => state.receive(snapshot(calls, { episodes }), 0);
const room = () => wanted[wanted.length - 1];
let stop: () => void;

beforeEach(() => {
  path.value = '/host';
  state.forget();
  state.chosenEpisodeId.value = null;
  stored.clear();
  stop = takeSeat();
});
afterEach(() => stop());

test('whose show ends is in no studio, neither of a show that is live nor of the next one', () => {
  board([show('a', 1, 'scheduled'), show('b', 2)]);
  joinStudio('b');
  expect([room(), seat.value]).toEqual(['live-b', 'studio']);
  board([show('a', 1), show('b', 2)]);
  expect(room()).toBe('live-b');
  board([show('a', 1), show('b', 2, 'ended')]);
  expect([room(), inStudio.value, state.episode.value?.id]).toEqual([null, false, 'a']);
  board([show('c', 3)]);
  expect([room(), inStudio.value]).toEqual([null, false]);
});

test('whoever joins early is in the studio once that show is live, not another', () => {
  board([show('a', 1, 'scheduled'), show('b', 2, 'scheduled')]);
  joinStudio('a');
  board([show('a', 1, 'scheduled'), show('b', 2)]);
  expect([room(), inStudio.value]).toEqual([null, true]);
  board([show('a', 1), show('b', 2)]);
  expect(room()).toBe('live-a');
});

test('a look at another show leaves the studio until the next press', () => {
  board([show('a', 1), show('b', 2)]);
  joinStudio('b');
  state.chooseEpisode('a');
  expect(room()).toBeNull();
  state.chooseEpisode('b');
  expect(room()).toBeNull();
});

test('a host sits with a guest out of the studio or aside, and is told so', () => {
  board([show('b', 2)], [guest('1')]);
  state.chosenCallId.value = '1';
  expect([room(), seat.value, seatedWith.value]).toEqual(['screening-1', 'guest', '1']);
  joinStudio('b');
  expect([room(), seat.value, seatedWith.value]).toEqual(['live-b', 'studio', null]);
  aside.value = '1';
  expect([room(), seat.value, inStudio.value]).toEqual(['screening-1', 'guest', true]);
  aside.value = null;
  leaveStudio();
  expect(room()).toBe('screening-1');
});

test.each(['/host', '/screener'])('only the window that took a call sits with the caller (%s)', (page) => {
  path.value = page;
  board([show('b', 2)], [guest('1')]);
  expect(room()).toBeNull();
  expect(talksElsewhere(guest('1'))).toBe(true);
  talkHere('1');
  expect([room(), talksElsewhere(guest('1'))]).toEqual(['screening-1', false]);
});

test('a call picked up again is sat with again, but not one that another window picks up', () => {
  path.value = '/screener';
  state.chosenCallId.value = '1';
  board([show('b', 2)], [guest('1')]);
  board([show('b', 2)], [guest('1', { status: 'queued', heldBy: null })]);
  board([show('b', 2)], [guest('1')]);
  expect(room()).toBeNull();
  state.chosenCallId.value = '1';
  expect(room()).toBe('screening-1');
});

test('when one of two calls is passed on, the other is sat with', () => {
  path.value = '/screener';
  board([show('b', 2)], [guest('1'), guest('2', { screeningAt: 5 }), guest('3', { screeningAt: 9 })]);
  state.chosenCallId.value = '1';
  state.chosenCallId.value = '2';
  board([show('b', 2)], [guest('1'), guest('3', { screeningAt: 9 })]);
  expect(room()).toBe('screening-1');
});

test('nothing is offered while the answer to a pick-up is awaited', async () => {
  board([show('b', 2)], [guest('1')]);
  let answer = () => {};
  const pressed = press('pick-up:1', () => new Promise<void>((resolve) => (answer = resolve)));
  expect(talksElsewhere(guest('1'))).toBe(false);
  answer();
  await pressed;
  expect(talksElsewhere(guest('1'))).toBe(true);
});

test('a reloaded window keeps what is still its own; an answer may come before its call', () => {
  expect(stillClaimed(['1', '2'], null, new Set(['2']))).toEqual(['2']);
  expect(stillClaimed(['1', '2'], new Set(['1']), new Set())).toEqual(['2']);
});
