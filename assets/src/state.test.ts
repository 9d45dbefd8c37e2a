import { beforeEach, expect, test, vi } from 'vitest';
import { call, episode as anEpisode, snapshot } from './testing';

vi.stubGlobal('sessionStorage', { getItem: () => null, setItem: () => {} });
const { chooseEpisode, chosenEpisodeId, episode, myCall, receive } = await import('./state');

const a = anEpisode({ id: 'a', number: 1, status: 'scheduled' });
const b = anEpisode({ id: 'b', number: 2 });
const A = { ...a, status: 'live' as const };
const board = (episodes: (typeof b)[]) =>
  receive(snapshot([call('1', { episodeId: 'b', status: 'screening', heldBy: 'ada' })], { episodes }), 0);

beforeEach(() => {
  chosenEpisodeId.value = null;
});

test('a live show stays on a desk that never chose, whatever else goes live', () => {
  board([a, b]);
  expect(episode.value?.id).toBe('b');
  board([A, b]);
  expect(episode.value?.id).toBe('b');
  expect(myCall.value?.id).toBe('1');
  board([A, { ...b, status: 'ended' }]);
  expect(episode.value?.id).toBe('a');
});

test('a desk where nothing is live goes where the next show does, unless it chose another', () => {
  const planned = { ...b, status: 'scheduled' as const };
  board([a, planned]);
  expect(episode.value?.id).toBe('a');
  board([a, b]);
  expect(episode.value?.id).toBe('b');
  chooseEpisode('a');
  board([a, b]);
  expect(episode.value?.id).toBe('a');
});
