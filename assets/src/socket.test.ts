import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { snapshot } from './testing';

/** A WebSocket to a switch that can be reached, or no longer. */
class FakeSocket {
  static all: FakeSocket[] = [];
  static answers = true;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  close = vi.fn();
  sent: string[] = [];

  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
    const { id } = JSON.parse(text) as { id: number };
    if (FakeSocket.answers)
      setTimeout(() => this.tell({ type: 'refused', id, status: 400, detail: 'This is not a command.' }), 5);
  }
  tell(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

vi.mock('./state', async () => {
  const { signal } = await import('@preact/signals');
  const nothing = () => {};
  return {
    board: signal(null),
    receive: () => 'applied',
    receiveLevels: nothing,
    receiveQuality: nothing,
    silenceMeters: nothing,
  };
});

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
vi.stubGlobal('WebSocket', FakeSocket);
vi.stubGlobal('window', new EventTarget());
vi.stubGlobal('document', page);
vi.stubGlobal('location', { protocol: 'http:', host: 'switch' });

const { close, link, open } = await import('./socket');
const probe = vi.fn(async () => 'signed-in' as const);

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakeSocket.answers = true;
  page.visibilityState = 'visible';
  open(probe);
  FakeSocket.all[0]?.tell(snapshot([]));
});
afterEach(() => {
  close();
  vi.useRealTimers();
});

/** The clock goes on without ticks: the machine sleeps, or the browser slows the timers of a hidden page. */
function withoutTicks(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

function show(): void {
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('visibilitychange'));
}

test('a hidden page with slow timers keeps a connection over which nothing comes', () => {
  page.visibilityState = 'hidden';
  for (let minute = 0; minute < 5; minute += 1) {
    withoutTicks(60_000);
    vi.advanceTimersByTime(250 + 5);
    expect(link.value.at).toBe('open');
  }
  withoutTicks(40_000);
  show();
  vi.advanceTimersByTime(3_000);
  expect(link.value.at).toBe('open');
  expect(FakeSocket.all).toHaveLength(1);
  expect(FakeSocket.all[0]?.close).not.toHaveBeenCalled();
});

test('a machine that slept through the end of its connection connects again', () => {
  FakeSocket.answers = false;
  withoutTicks(3_600_000);
  vi.advanceTimersByTime(250 + 2_000);
  expect(link.value.at).toBe('waiting');
  expect(FakeSocket.all[0]?.close).toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(FakeSocket.all).toHaveLength(2);
});

test('a page that is looked at again does not wait to connect', () => {
  page.visibilityState = 'hidden';
  FakeSocket.all[0]?.onclose?.();
  expect(link.value.at).toBe('waiting');
  show();
  expect(link.value.at).toBe('connecting');
  expect(FakeSocket.all).toHaveLength(2);
});
