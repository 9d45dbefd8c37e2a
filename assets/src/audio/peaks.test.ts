import { expect, test } from 'vitest';
import { SILENCE_DB } from './level';
import { peakAt, withPeaks } from './peaks';

test('a peak is held for a second and a half and falls then', () => {
  const peaks = withPeaks({}, { ann: -6 }, 0);
  expect([0, 1_500, 2_500, 60_000].map((now) => peakAt(peaks['ann'], now))).toEqual([-6, -6, -26, SILENCE_DB]);
});

test('a lower one does not take its place, a higher one does, and so does one above where it has fallen to', () => {
  let peaks = withPeaks({}, { ann: -6 }, 0);
  peaks = withPeaks(peaks, { ann: -20 }, 100);
  expect(peakAt(peaks['ann'], 100)).toBe(-6);
  peaks = withPeaks(peaks, { ann: -3 }, 200);
  expect(peakAt(peaks['ann'], 200)).toBe(-3);
  peaks = withPeaks(peaks, { ann: -20 }, 2_700);
  expect(peakAt(peaks['ann'], 2_700)).toBe(-20);
});

test('who is silent is forgotten', () => {
  expect(withPeaks(withPeaks({}, { ann: -6, ben: -90 }, 0), { ann: -90 }, 10_000)).toEqual({});
});
