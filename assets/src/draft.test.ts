import { expect, test } from 'vitest';
import { acknowledged, put, settled, unsaved, type Drafts } from './draft';
import { call } from './testing';

const typed: Drafts = put(new Map(), 'a', { name: { text: 'Ray', saved: false } });
const board = (...calls: ReturnType<typeof call>[]) => new Map(calls.map((each) => [each.id, each]));

test('what was typed is unsaved until the switch has it', () => {
  expect(unsaved(typed, 'a')).toEqual({ name: 'Ray' });
  const saved = acknowledged(typed, 'a', { name: 'Ray' });
  expect(unsaved(saved, 'a')).toEqual({});
});

test('an answer to an older text leaves the newer one unsaved', () => {
  const newer = put(typed, 'a', { name: { text: 'Raymond', saved: false } });
  expect(unsaved(acknowledged(newer, 'a', { name: 'Ray' }), 'a')).toEqual({ name: 'Raymond' });
});

test('a saved field is let go once the switch shows the same', () => {
  const saved = acknowledged(typed, 'a', { name: 'Ray' });
  expect(settled(saved, board(call('a', { name: null }))).get('a')).toBeDefined();
  expect(settled(saved, board(call('a', { name: 'Ray' }))).size).toBe(0);
});

test('an echo of an older text never replaces what is being typed', () => {
  expect(settled(typed, board(call('a', { name: 'Ra' })))).toBe(typed);
});

test('drafts of calls that are over are forgotten', () => {
  expect(settled(typed, board()).size).toBe(0);
  expect(settled(typed, board(call('a', { status: 'completed' }))).size).toBe(0);
});
