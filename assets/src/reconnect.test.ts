import { describe, expect, test } from 'vitest';
import {
  backoffMs,
  CONNECT_TIMEOUT_MS,
  FIRST_WAIT_MS,
  HEALTHY_AFTER_MS,
  LONGEST_WAIT_MS,
  step,
  type Effect,
  type Occurrence,
  type Phase,
} from './reconnect';

const DICE = 0.5;

/** Runs occurrences at times and gives the last phase with every effect on the way. */
function run(...events: [number, Occurrence][]): { phase: Phase; effects: Effect[] } {
  let phase: Phase = { at: 'off' };
  const effects: Effect[] = [];
  for (const [now, occurrence] of events) {
    const [after, effect] = step(phase, occurrence, now, DICE);
    phase = after;
    effects.push(effect);
  }
  return { phase, effects };
}

test('starts, opens, stops', () => {
  const { phase, effects } = run([0, 'start'], [50, 'opened'], [90, 'stop']);
  expect(phase).toEqual({ at: 'off' });
  expect(effects).toEqual(['connect', null, 'close']);
});

test('a second start changes nothing', () => {
  expect(run([0, 'start'], [1, 'start']).effects).toEqual(['connect', null]);
});

test('a loss waits, then connects again', () => {
  const lostAt = 100 + HEALTHY_AFTER_MS;
  const { phase } = run([0, 'start'], [100, 'opened'], [lostAt, 'lost']);
  expect(phase).toEqual({ at: 'waiting', attempt: 1, until: lostAt + backoffMs(1, DICE) });
  const soon = step(phase, 'tick', lostAt + 10, DICE);
  expect(soon).toEqual([phase, null]);
  const [connecting, effect] = step(phase, 'tick', lostAt + FIRST_WAIT_MS, DICE);
  expect(connecting).toMatchObject({ at: 'connecting', attempt: 1 });
  expect(effect).toBe('connect');
});

test('waits grow while nothing answers, and begin anew after a healthy connection', () => {
  let phase: Phase = { at: 'connecting', attempt: 0, since: 0 };
  const attempts: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    [phase] = step(phase, 'lost', n, DICE);
    if (phase.at === 'waiting') attempts.push(phase.attempt);
    [phase] = step(phase, 'online', n, DICE);
  }
  expect(attempts).toEqual([1, 2, 3, 4]);
  [phase] = step(phase, 'opened', 0, DICE);
  expect(step(phase, 'lost', HEALTHY_AFTER_MS - 1, DICE)[0]).toMatchObject({ at: 'waiting', attempt: 5 });
  expect(step(phase, 'lost', HEALTHY_AFTER_MS, DICE)[0]).toMatchObject({ at: 'waiting', attempt: 1 });
});

test('a suspect connection is closed, a lost one needs no closing', () => {
  const open: Phase = { at: 'open', attempt: 0, since: 0 };
  expect(step(open, 'suspect', 5, DICE)[1]).toBe('close');
  expect(step(open, 'lost', 5, DICE)[1]).toBeNull();
});

test('an attempt that brings no snapshot is given up', () => {
  const { phase } = run([0, 'start']);
  expect(step(phase, 'tick', CONNECT_TIMEOUT_MS - 1, DICE)[1]).toBeNull();
  const [after, effect] = step(phase, 'tick', CONNECT_TIMEOUT_MS, DICE);
  expect(after.at).toBe('waiting');
  expect(effect).toBe('close');
});

test('the network coming back ends a wait, and only a wait', () => {
  const waiting: Phase = { at: 'waiting', attempt: 3, until: 9_000 };
  expect(step(waiting, 'online', 10, DICE)[1]).toBe('connect');
  const open: Phase = { at: 'open', attempt: 0, since: 0 };
  expect(step(open, 'online', 10, DICE)).toEqual([open, null]);
});

test('nothing happens once stopped', () => {
  const off: Phase = { at: 'off' };
  for (const occurrence of ['opened', 'lost', 'suspect', 'online', 'tick', 'stop'] as const) {
    expect(step(off, occurrence, 1, DICE)).toEqual([off, null]);
  }
});

describe('back-off', () => {
  test('doubles to its limit', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map((attempt) => backoffMs(attempt, 1))).toEqual([
      500,
      1_000,
      2_000,
      4_000,
      8_000,
      LONGEST_WAIT_MS,
      LONGEST_WAIT_MS,
    ]);
  });

  test('the dice move it within its upper half', () => {
    expect(backoffMs(3, 0)).toBe(1_000);
    expect(backoffMs(3, 0.5)).toBe(1_500);
  });
});
