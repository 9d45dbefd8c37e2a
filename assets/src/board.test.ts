import { expect, test } from 'vitest';
import { applyChange, COMPLETED_KEPT, fromSnapshot, type Board } from './board';
import { parseFrame } from './protocol';
import { call, change, episode, snapshot } from './testing';

function applied(board: Board, frame: Parameters<typeof applyChange>[1]): Board {
  const after = applyChange(board, frame);
  if (after === 'gap') throw new Error('a gap where none was expected');
  return after;
}

test('a snapshot corrects the clock and replaces everything', () => {
  const board = fromSnapshot(snapshot([call('a')]), 4_000);
  expect(board.clockOffset).toBe(6_000);
  expect([...board.calls.keys()]).toEqual(['a']);
});

test('a change replaces whole entities and leaves the others alone', () => {
  const before = fromSnapshot(snapshot([call('a'), call('b')]), 0);
  const after = applied(before, change(42, { calls: [call('a', { name: 'Ray' })] }));
  expect(after.calls.get('a')?.name).toBe('Ray');
  expect(after.calls.get('b')).toBe(before.calls.get('b'));
  expect(after.shows).toBe(before.shows);
  expect(before.calls.get('a')?.name).toBeNull();
});

test('new places in a queue change nothing else of a call', () => {
  const waiting = [call('a', { name: 'Ray', position: 2 }), call('b', { position: 3 }), call('c')];
  const before = fromSnapshot(snapshot(waiting), 0);
  const after = applied(before, change(42, { positions: { a: 1, b: 2, gone: 3 } }));
  expect(after.calls.get('a')).toEqual({ ...before.calls.get('a'), position: 1 });
  expect(after.calls.get('b')?.position).toBe(2);
  expect(after.calls.get('c')).toBe(before.calls.get('c'));
  expect(after.calls.has('gone')).toBe(false);
});

test('removed entities go', () => {
  const after = applied(
    fromSnapshot(snapshot([call('a'), call('b')]), 0),
    change(42, { removed: { calls: ['a'] } }),
  );
  expect([...after.calls.keys()]).toEqual(['b']);
});

test('a missing or repeated frame is a gap', () => {
  const board = fromSnapshot(snapshot([]), 0);
  expect(applyChange(board, change(43, {}))).toBe('gap');
  expect(applyChange(board, change(41, {}))).toBe('gap');
});

test('an ended episode leaves with its calls', () => {
  const board = fromSnapshot(snapshot([call('a')]), 0);
  const after = applied(board, change(42, { episodes: [episode({ status: 'ended' })] }));
  expect(after.episodes.size).toBe(0);
  expect(after.calls.size).toBe(0);
});

test('only the newest completed calls are kept', () => {
  let board = fromSnapshot(snapshot([call('waiting')]), 0);
  for (let n = 1; n <= COMPLETED_KEPT + 5; n += 1) {
    board = applied(board, change(41 + n, { calls: [call(`c${n}`, { status: 'completed', endedAt: n })] }));
  }
  expect(board.calls.size).toBe(COMPLETED_KEPT + 1);
  expect(board.calls.has('c5')).toBe(false);
  expect(board.calls.has('c6')).toBe(true);
  expect(board.calls.has('waiting')).toBe(true);
});

test('presence is merged by operator', () => {
  const ben = { operatorId: 'ben', name: 'Ben', role: 'screener', connected: true, inRoom: null } as const;
  const board = applied(fromSnapshot(snapshot([]), 0), change(42, { operators: [ben] }));
  const after = applied(board, change(43, { operators: [{ ...ben, connected: false }] }));
  expect(after.operators.get('ben')?.connected).toBe(false);
  expect(after.operators.size).toBe(1);
});

test('frames that are no frames are nothing', () => {
  expect(parseFrame('{"type":"levels","calls":{},"people":{},"program":{}}')?.type).toBe('levels');
  for (const text of ['', '{', 'null', '7', '{}', '{"type":7}', '{"type":"surprise"}'])
    expect(parseFrame(text)).toBeNull();
});
