import { expect, test } from 'vitest';
import { homeOf, may, mayDrop, mayTransferAnywhere, pagesOf } from './policy';
import type { CommandName, Role } from './protocol';

test('a screener or producer never puts a caller on air', () => {
  for (const role of ['screener', 'producer'] as const) {
    for (const command of ['put-on-air', 'put-on-hold', 'next', 'set-muted'] as const)
      expect(may(role, command)).toBe(false);
    expect(mayDrop(role, 'on-air')).toBe(false);
    expect(mayDrop(role, 'off-air')).toBe(true);
  }
});

test('the sound of a show is for hosts, co-hosts and producers', () => {
  for (const command of ['set-gain', 'set-denoise', 'set-ducking', 'reset-loudness'] as const)
    expect(
      (['host', 'co-host', 'producer', 'admin', 'screener', 'viewer'] as const).map((role) => may(role, command)),
    ).toEqual([true, true, true, true, false, false]);
});

test('a co-host takes callers but has no Next and drops only on air', () => {
  expect(may('co-host', 'put-on-air')).toBe(true);
  expect(may('co-host', 'next')).toBe(false);
  expect(mayDrop('co-host', 'on-air')).toBe(true);
  expect(mayDrop('co-host', 'off-air')).toBe(false);
});

test('a viewer may do nothing, an admin everything', () => {
  const commands: CommandName[] = [
    'pick-up',
    'approve',
    'next',
    'drop',
    'end-show',
    'room-token',
    'update-card',
  ];
  for (const command of commands) {
    expect(may('viewer', command)).toBe(false);
    expect(may('admin', command)).toBe(true);
  }
});

test('guests are called by producer and host, callers back by screeners too, by others not', () => {
  expect(['producer', 'host', 'screener', 'co-host', 'viewer'].map((role) => may(role as Role, 'dial'))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  for (const command of ['call-back', 'record-consent', 'transfer'] as const) {
    expect(may('screener', command)).toBe(true);
    expect(may('co-host', command)).toBe(false);
    expect(may('viewer', command)).toBe(false);
  }
  expect(mayTransferAnywhere('screener')).toBe(false);
  expect(mayTransferAnywhere('producer')).toBe(true);
});

test('everybody has a page of their own', () => {
  expect((['screener', 'host', 'co-host', 'admin', 'producer', 'viewer'] as const).map(homeOf)).toEqual([
    'screener',
    'host',
    'host',
    'admin',
    'admin',
    'host',
  ]);
  expect(pagesOf('admin')).toEqual(['screener', 'host', 'admin']);
  expect(pagesOf('screener')).toEqual(['screener']);
});
