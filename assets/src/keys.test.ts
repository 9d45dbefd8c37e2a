import { describe, expect, test } from 'vitest';
import { keyAction, type Focus, type Stroke } from './keys';
import type { Page } from './policy';

function act(page: Page, key: string, focus: Focus = 'page', more: Partial<Stroke> = {}) {
  return keyAction(page, { key, shift: false, modified: false, repeat: false, ...more }, focus);
}

describe('host', () => {
  test('Space and N are Next', () => {
    expect(act('host', ' ')).toEqual({ do: 'next' });
    expect(act('host', 'n')).toEqual({ do: 'next' });
    expect(act('host', 'N')).toEqual({ do: 'next' });
  });

  test('Space and Enter keep their meaning on a focused control, N does not', () => {
    expect(act('host', ' ', 'control')).toBeNull();
    expect(act('host', 'Enter', 'control')).toBeNull();
    expect(act('host', 'n', 'control')).toEqual({ do: 'next' });
  });

  test('digits select a line, Enter takes it', () => {
    expect(act('host', '3')).toEqual({ do: 'select', line: 3 });
    expect(act('host', '0')).toBeNull();
    expect(act('host', 'Enter')).toEqual({ do: 'take-selected' });
  });

  test('H, D, M are about the caller; Shift+M and C about my microphone', () => {
    expect(act('host', 'h')).toEqual({ do: 'hold' });
    expect(act('host', 'd')).toEqual({ do: 'drop' });
    expect(act('host', 'm')).toEqual({ do: 'mute' });
    expect(act('host', 'M', 'page', { shift: true })).toEqual({ do: 'mute-mic' });
    expect(act('host', 'c')).toEqual({ do: 'cough' });
  });
});

describe('screener', () => {
  test('F1 answers even while typing', () => {
    expect(act('screener', 'F1', 'typing')).toEqual({ do: 'answer-next' });
  });

  test('M is my microphone', () => {
    expect(act('screener', 'm')).toEqual({ do: 'mute-mic' });
  });

  test('no key puts anybody on air', () => {
    for (const key of [' ', 'n', 'h']) expect(act('screener', key)).toBeNull();
  });
});

test('while typing, letters are letters', () => {
  for (const page of ['screener', 'host', 'admin'] as const) {
    for (const key of [' ', 'n', 'd', 'h', 'm', 'c', '1', '?', 'Enter'])
      expect(act(page, key, 'typing')).toBeNull();
  }
});

test('under an open dialog no key moves a call', () => {
  for (const page of ['screener', 'host'] as const) {
    for (const key of [' ', 'n', 'd', 'h', 'm', 'c', '1', 'F1', 'Enter', 'Escape'])
      expect(act(page, key, 'dialog')).toBeNull();
  }
  expect(act('host', '?', 'dialog')).toEqual({ do: 'help' });
});

test('the browser keeps its own keys, and a held key acts once', () => {
  expect(act('host', 'd', 'page', { modified: true })).toBeNull();
  expect(act('host', 'd', 'page', { repeat: true })).toBeNull();
});

test('admin has help and nothing that moves a call', () => {
  expect(act('admin', '?')).toEqual({ do: 'help' });
  for (const key of ['n', 'd', ' ', '1', 'F1', 'c']) expect(act('admin', key)).toBeNull();
});
