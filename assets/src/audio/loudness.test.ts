import { expect, test } from 'vitest';
import { formatLevel, loudnessFill, SILENCE_LUFS, SILENT, silenced, TARGET_AT, verdict } from './loudness';

test('a loudness is on target, loud, quiet or silent, in words', () => {
  expect([-16, -15, -17, -12.4, -21.6, -70].map((lufs) => verdict(lufs, -16).word)).toEqual([
    'On target',
    'On target',
    'On target',
    '4 LU loud',
    '6 LU quiet',
    'Silent',
  ]);
  expect(verdict(-16, -23)).toEqual({ tone: 'loud', word: '7 LU loud' });
});

test('the meter runs from 18 LU below the target to 9 above', () => {
  expect([-70, -41, -23, -14, 0].map((lufs) => loudnessFill(lufs, -23))).toEqual([0, 0, TARGET_AT, 1, 1]);
});

test('when nothing more is heard the meters fall and what was integrated stands', () => {
  const heard = { momentary: -14, shortTerm: -15, integrated: -16, truePeak: -2, ducked: 9 };
  expect(silenced({ show: heard })).toEqual({ show: { ...SILENT, integrated: -16, truePeak: -2 } });
});

test('numbers have one decimal and a real minus', () => {
  expect(formatLevel(-16.04, SILENCE_LUFS)).toBe('−16.0');
  expect(formatLevel(-0.02, SILENCE_LUFS)).toBe('0.0');
  expect(formatLevel(1.25, SILENCE_LUFS)).toBe('1.3');
  expect(formatLevel(SILENCE_LUFS, SILENCE_LUFS)).toBe('–');
});
