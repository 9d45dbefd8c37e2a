import { expect, test } from 'vitest';
import type { Levels } from '../protocol';
import { levelsOf, metered, SILENCE, type Metered } from './meters';

const frame = (calls: Levels['calls']): Levels => ({ ...SILENCE, calls });

test('frames of two threads stand side by side, the newest of each voice counts', () => {
  let frames: readonly Metered[] = [];
  frames = metered(frames, frame({ a: -20 }), 0);
  frames = metered(frames, frame({ b: -30 }), 40);
  frames = metered(frames, frame({ a: -10 }), 100);
  expect(levelsOf(frames).calls).toEqual({ a: -10, b: -30 });
});

test('a level that is not renewed falls silent', () => {
  let frames = metered([], frame({ a: -20 }), 0);
  frames = metered(frames, frame({ b: -30 }), 250);
  expect(levelsOf(frames).calls).toEqual({ b: -30 });
  expect(levelsOf(metered(frames, null, 500))).toBe(SILENCE);
});
