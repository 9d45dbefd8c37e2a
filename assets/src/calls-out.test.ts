import { expect, test } from 'vitest';
import { fromSnapshot } from './board';
import { canCallBack, isCalling, mayBeAired, noticeFor } from './calls-out';
import { call, snapshot } from './testing';

test('whom we called is calling until they answer', () => {
  expect(isCalling(call('a', { direction: 'outbound', ringing: true }))).toBe(true);
  expect(isCalling(call('a', { direction: 'outbound' }))).toBe(false);
  expect(isCalling(call('a', { ringing: true }))).toBe(false);
});

test('whom we called is aired only after they were told, who called us at once', () => {
  expect(mayBeAired(call('a'))).toBe(true);
  expect(mayBeAired(call('a', { direction: 'outbound' }))).toBe(false);
  expect(mayBeAired(call('a', { direction: 'outbound', consentAt: 5 }))).toBe(true);
});

test('a number is called back once it is not on the line any more', () => {
  const over = call('over', { status: 'completed' });
  expect(canCallBack(over, [over, call('other', { from: '+15550000000' })])).toBe(true);
  expect(canCallBack(over, [over, call('again')])).toBe(false);
  expect(canCallBack(call('here'), [])).toBe(false);
  expect(canCallBack({ ...over, from: null }, [])).toBe(false);
  expect(canCallBack({ ...over, blocked: true }, [])).toBe(false);
});

test('the words to read out are those of the show', () => {
  const board = fromSnapshot(snapshot([]), 0);
  expect(noticeFor(board, call('a'))).toBe('You will be on air on Show.');
  expect(noticeFor(board, call('a', { showId: null }))).toBe('');
  expect(noticeFor(null, call('a'))).toBe('');
});
