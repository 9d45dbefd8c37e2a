/** Peaks as a meter shows them: held for a while, then falling. Pure. */
import { SILENCE_DB } from './level';

export interface Peak {
  db: number;
  /** When it was reached. */
  at: number;
}

export type Peaks = Readonly<Record<string, Peak>>;

const HELD_MS = 1_500;
const FALL_DB_PER_S = 20;

/** What a held peak shows now. */
export function peakAt(peak: Peak | undefined, now: number): number {
  if (peak === undefined) return SILENCE_DB;
  const falling = Math.max(0, now - peak.at - HELD_MS);
  return Math.max(SILENCE_DB, peak.db - (falling / 1000) * FALL_DB_PER_S);
}

/** The peaks after these were measured; those that have fallen to silence are forgotten. */
export function withPeaks(before: Peaks, measured: Readonly<Record<string, number>>, now: number): Peaks {
  const after: Record<string, Peak> = {};
  for (const [key, peak] of Object.entries(before)) if (peakAt(peak, now) > SILENCE_DB) after[key] = peak;
  for (const [key, db] of Object.entries(measured))
    if (db > SILENCE_DB && db >= peakAt(after[key], now)) after[key] = { db, at: now };
  return after;
}
