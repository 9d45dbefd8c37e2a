import { expect, test } from 'vitest';
import { fromSnapshot } from './board';
import { formatNumber } from './phone';
import {
  assignLines,
  callerLabel,
  ended,
  held,
  lobby,
  mine,
  movedBy,
  nextUp,
  onAir,
  openEpisodes,
  withOthers,
} from './queue';
import { call, episode, snapshot } from './testing';

const ids = (calls: readonly { id: string }[]) => calls.map((each) => each.id);

test('the lobby has the longest wait on top', () => {
  const board = fromSnapshot(
    snapshot([
      call('late', { queuedAt: 9 }),
      call('early', { queuedAt: 3 }),
      call('air', { status: 'on-air' }),
    ]),
    0,
  );
  expect(ids(lobby(board, episode()))).toEqual(['early', 'late']);
});

test('screenings are mine or somebody else’s', () => {
  const board = fromSnapshot(
    snapshot([
      call('old', { status: 'screening', heldBy: 'ada', screeningAt: 1 }),
      call('new', { status: 'screening', heldBy: 'ada', screeningAt: 2 }),
      call('bens', { status: 'screening', heldBy: 'ben' }),
    ]),
    0,
  );
  expect(ids(mine(board, episode()))).toEqual(['new', 'old']);
  expect(ids(withOthers(board, episode()))).toEqual(['bens']);
});

test('calls of another episode are on another desk', () => {
  const board = fromSnapshot(snapshot([call('here'), call('there', { episodeId: 'other' })]), 0);
  expect(ids(lobby(board, episode()))).toEqual(['here']);
});

test('Next takes the designated caller, else the head of the queue', () => {
  const first = call('first', { status: 'on-hold', position: 1 });
  const second = call('second', { status: 'on-hold', position: 2 });
  const board = fromSnapshot(snapshot([second, first]), 0);
  expect(nextUp(held(board, episode()))?.id).toBe('first');
  expect(nextUp([first, { ...second, next: true }])?.id).toBe('second');
  expect(nextUp([])).toBeUndefined();
});

test('Next passes over whom we called and nobody told, unless they are designated', () => {
  const guest = call('guest', { status: 'on-hold', position: 1, direction: 'outbound' });
  const second = call('second', { status: 'on-hold', position: 2 });
  expect(nextUp([guest, second])?.id).toBe('second');
  expect(nextUp([{ ...guest, consentAt: 5 }, second])?.id).toBe('guest');
  expect(nextUp([{ ...guest, next: true }, second])?.id).toBe('guest');
  expect(nextUp([guest])?.id).toBe('guest');
});

test('on air by time on air, ended by how lately', () => {
  const board = fromSnapshot(
    snapshot([
      call('b', { status: 'on-air', onAirAt: 5 }),
      call('a', { status: 'on-air', onAirAt: 4 }),
      call('x', { status: 'completed', endedAt: 1 }),
      call('y', { status: 'completed', endedAt: 2 }),
    ]),
    0,
  );
  expect(ids(onAir(board, episode()))).toEqual(['a', 'b']);
  expect(ids(ended(board, episode()))).toEqual(['y', 'x']);
});

test('live episodes come first', () => {
  const board = fromSnapshot(
    snapshot([], { episodes: [episode({ id: 'planned', status: 'scheduled', number: 1 }), episode()] }),
    0,
  );
  expect(ids(openEpisodes(board))).toEqual(['episode', 'planned']);
});

test('moving by one place names the call to stand before', () => {
  const queue = [call('a'), call('b'), call('c')];
  expect(movedBy(queue, 'b', -1)).toBe('a');
  expect(movedBy(queue, 'a', 1)).toBe('c');
  expect(movedBy(queue, 'b', 1)).toBeNull();
  expect(movedBy(queue, 'a', -1)).toBeUndefined();
  expect(movedBy(queue, 'c', 1)).toBeUndefined();
  expect(movedBy(queue, 'gone', 1)).toBeUndefined();
});

test('a line keeps its number from hold to air, and a freed one is used again', () => {
  const first = assignLines(new Map(), ['a', 'b', 'c']);
  expect([...first]).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  const onAirNow = assignLines(first, ['c', 'a', 'b']);
  expect(onAirNow.get('c')).toBe(3);
  const after = assignLines(onAirNow, ['c', 'b', 'd']);
  expect(after.get('d')).toBe(1);
  expect(after.get('b')).toBe(2);
});

test('a tenth call has no number until one is free', () => {
  const ten = Array.from({ length: 10 }, (_, n) => `call${n}`);
  expect(assignLines(new Map(), ten).size).toBe(9);
});

test('a caller is called by name, else number', () => {
  expect(callerLabel(call('a', { name: ' Ray ' }), formatNumber)).toBe('Ray');
  expect(callerLabel(call('a', { name: '  ' }), formatNumber)).toBe('+1 555 123 4567');
  expect(callerLabel(call('a', { from: null }), formatNumber)).toBe('Number withheld');
});
