import { expect, test } from 'vitest';
import { meterFill, rmsDb, SILENCE_DB } from './level';

test('a full-scale sine is 3 dB under full scale', () => {
  const sine = Float32Array.from({ length: 1_000 }, (_, n) => Math.sin((2 * Math.PI * n) / 100));
  expect(rmsDb(sine)).toBeCloseTo(-3.01, 1);
});

test('silence and nothing are the floor', () => {
  expect(rmsDb(new Float32Array(64))).toBe(SILENCE_DB);
  expect(rmsDb(new Float32Array(0))).toBe(SILENCE_DB);
});

test('a meter runs from -60 to 0 dBFS', () => {
  expect([-90, -60, -30, 0, 6].map(meterFill)).toEqual([0, 0, 0.5, 1, 1]);
});
