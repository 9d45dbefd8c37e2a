import { expect, test } from 'vitest';
import { applyChange, fromSnapshot } from './board';
import { known, wordsOf } from './line-quality';
import { parseFrame, type LineQuality } from './protocol';
import { call, change, snapshot } from './testing';

const GOOD: LineQuality = {
  level: 'good',
  askToCallBack: false,
  mos: 4.38,
  lossPercent: 0,
  jitterMs: 1.24,
  rttMs: 48,
  farMos: 4.35,
  farLossPercent: 0.4,
  farJitterMs: 3,
};
const BAD: LineQuality = { ...GOOD, level: 'bad', askToCallBack: true, mos: 2.71, lossPercent: 12.3 };

test('a line is told in words with all its figures', () => {
  expect(wordsOf(GOOD)).toEqual({
    word: 'Good line',
    detail:
      'Good line. From the caller: 0 % lost, jitter 1.2 ms, round trip 48 ms, MOS 4.4. ' +
      'To the caller: 0.4 % lost, jitter 3 ms, MOS 4.3.',
  });
  expect(wordsOf(BAD).word).toBe('Bad line');
  expect(wordsOf(BAD).detail).toContain('12 % lost');
});

test('what a far end does not say is not told', () => {
  const alone = { ...GOOD, rttMs: null, farMos: null, farLossPercent: null, farJitterMs: null };
  expect(wordsOf(alone).detail).toBe('Good line. From the caller: 0 % lost, jitter 1.2 ms, MOS 4.4.');
});

test('news replaces what was known, and calls that are over are forgotten', () => {
  const calls = new Map([
    ['a', call('a', { status: 'on-air' })],
    ['b', call('b', { status: 'completed' })],
  ]);
  const before = known(new Map(), { a: GOOD, b: GOOD, gone: GOOD }, calls);
  expect([...before.keys()]).toEqual(['a']);
  expect(known(before, { a: BAD }, calls).get('a')).toEqual(BAD);
  expect(known(before, {}, calls).get('a')).toEqual(GOOD);
});

test('a frame is known, and so is what a snapshot brings', () => {
  const frame = parseFrame(JSON.stringify({ type: 'quality', calls: { a: BAD } }));
  if (frame?.type !== 'quality') throw new Error('a frame of lines');
  const first = snapshot([call('a')], { quality: { a: GOOD } });
  const board = fromSnapshot(first, 0);
  const before = known(new Map(), first.quality ?? {}, board.calls);
  expect(before.get('a')).toEqual(GOOD);
  expect(known(before, frame.calls, board.calls).get('a')).toEqual(BAD);
  const over = applyChange(board, change(42, { calls: [call('a', { status: 'completed' })] }));
  if (over === 'gap') throw new Error('a gap where none was expected');
  expect(known(before, {}, over.calls).size).toBe(0);
});
