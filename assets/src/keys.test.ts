import { afterEach, describe, expect, test, vi } from 'vitest';
import { keyAction, listenKeys, typingAfter, type Focus, type KeyAction, type Stroke } from './keys';
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

describe('a field that goes while it is typed into', () => {
  const stroke = (key: string, more: Partial<Stroke> = {}): Stroke => ({
    key,
    shift: false,
    modified: false,
    repeat: false,
    ...more,
  });
  const gone = { isConnected: false };

  test('swallows the rest of the sentence, until a pause', () => {
    const [typing] = typingAfter(null, stroke('a'), gone, 1_000);
    const [later, swallowed] = typingAfter(typing, stroke('m'), null, 2_400);
    expect(swallowed).toBe(true);
    expect(typingAfter(later, stroke('Enter'), null, 3_800)[1]).toBe(true);
    expect(typingAfter(later, stroke('m'), null, 3_900)).toEqual([null, false]);
  });

  test('nor do the keys end up in the field that has the focus now', () => {
    const [typing] = typingAfter(null, stroke('a'), gone, 1_000);
    expect(typingAfter(typing, stroke('b'), { isConnected: true }, 1_100)[1]).toBe(true);
  });

  test('F1 and Escape act and end it, browser keys pass', () => {
    const [typing] = typingAfter(null, stroke('a'), gone, 1_000);
    expect(typingAfter(typing, stroke('F1'), null, 1_100)).toEqual([null, false]);
    expect(typingAfter(typing, stroke('Escape'), null, 1_100)).toEqual([null, false]);
    expect(typingAfter(typing, stroke('r', { modified: true }), null, 1_100)).toEqual([typing, false]);
  });

  test('a field that Enter has sent, or that was left before, swallows nothing', () => {
    const field = { isConnected: true };
    let [typing] = typingAfter(null, stroke('a'), field, 1_000);
    [typing] = typingAfter(typing, stroke('Enter'), field, 1_100);
    field.isConnected = false;
    expect(typingAfter(typing, stroke('1'), null, 1_200)[1]).toBe(false);

    field.isConnected = true;
    [typing] = typingAfter(null, stroke('a'), field, 1_000);
    [typing] = typingAfter(typing, stroke(' '), null, 1_100);
    field.isConnected = false;
    expect(typingAfter(typing, stroke('m'), null, 1_200)[1]).toBe(false);
  });

  test('a field that stays swallows nothing', () => {
    const [typing] = typingAfter(null, stroke('a'), { isConnected: true }, 1_000);
    expect(typingAfter(typing, stroke('m'), null, 1_100)[1]).toBe(false);
  });
});

describe('the shell', () => {
  /** An element as far as the keys look at it. */
  class FakeElement {
    isConnected = true;
    isContentEditable = false;
    blur = vi.fn();
    constructor(readonly tag: string) {}
    matches = (selector: string) => selector.split(/[,(]/).some((part) => part.trim() === this.tag);
    closest = (selector: string) => (selector.split(', ').includes(this.tag) ? this : null);
  }

  function desk(page: Page) {
    const hears: [string, boolean, (event: unknown) => void][] = [];
    vi.stubGlobal('HTMLElement', FakeElement);
    vi.stubGlobal('Element', FakeElement);
    vi.stubGlobal('document', { querySelector: () => null });
    vi.stubGlobal('addEventListener', (type: string, hear: (event: unknown) => void, first = false) =>
      hears.push([type, first, hear]),
    );
    const acts: KeyAction[] = [];
    listenKeys(
      () => page,
      (action) => acts.push(action),
      () => {},
    );
    const tell = (type: string, target: FakeElement, more: object = {}) => {
      let stopped = false;
      const event = {
        type,
        target,
        defaultPrevented: false,
        preventDefault: () => (event.defaultPrevented = true),
        stopPropagation: () => (stopped = true),
        ...more,
      };
      for (const capture of [true, false])
        for (const [heard, first, hear] of hears)
          if (heard === type && first === capture && !stopped) hear(event);
    };
    const key = (target: FakeElement, name: string, timeStamp = 0) =>
      tell('keydown', target, { key: name, timeStamp });
    return { acts, tell, key };
  }

  afterEach(() => vi.unstubAllGlobals());

  test('a picker changed and a link followed by pointer give the keys back', () => {
    const { tell } = desk('host');
    for (const [tag, event] of [
      ['select', 'change'],
      ['a[href]', 'click'],
    ] as const) {
      const used = new FakeElement(tag);
      tell('pointerdown', used);
      tell(event, used);
      expect(used.blur, tag).toHaveBeenCalledOnce();
    }
  });

  test('a press that opens a picker leaves it the focus, and so do keys that change it', () => {
    const { tell, key } = desk('host');
    const picker = new FakeElement('select');
    tell('pointerdown', picker);
    tell('click', picker);
    key(picker, 'ArrowDown');
    tell('change', picker);
    expect(picker.blur).not.toHaveBeenCalled();
  });

  test('keys to a card that has gone do nothing, until the pointer is used', () => {
    const { acts, tell, key } = desk('screener');
    const [notes, heading] = [new FakeElement('textarea'), new FakeElement('h2')];
    key(notes, 'a', 1_000);
    notes.isConnected = false;
    key(heading, 'm', 1_200);
    key(heading, '1', 1_400);
    expect(acts).toEqual([]);
    tell('pointerdown', heading);
    key(heading, 'm', 1_600);
    expect(acts).toEqual([{ do: 'mute-mic' }]);
  });
});
