/**
 * Levels from the frames that carry them. The switch has several threads for audio, and each reports its own voices:
 * a level stands until it is renewed or old. Pure.
 */
import type { Levels } from '../protocol';

export interface Metered {
  at: number;
  frame: Levels;
}

const LEVEL_KEPT_MS = 250;

export const SILENCE: Levels = { type: 'levels', calls: {}, people: {}, program: {}, peaks: {} };

/** The frames that still say something, after this one. */
export function metered(before: readonly Metered[], frame: Levels | null, now: number): readonly Metered[] {
  const kept = before.filter((old) => now - old.at < LEVEL_KEPT_MS);
  return frame === null ? kept : [...kept, { at: now, frame }];
}

/** The newest of what they say. */
export function levelsOf(frames: readonly Metered[]): Levels {
  if (frames.length === 0) return SILENCE;
  return {
    type: 'levels',
    calls: Object.assign({}, ...frames.map(({ frame }) => frame.calls)) as Levels['calls'],
    people: Object.assign({}, ...frames.map(({ frame }) => frame.people)) as Levels['people'],
    program: Object.assign({}, ...frames.map(({ frame }) => frame.program)) as Levels['program'],
    peaks: Object.assign({}, ...frames.map(({ frame }) => frame.peaks)) as Levels['peaks'],
  };
}
