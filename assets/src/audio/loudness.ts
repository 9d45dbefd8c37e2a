/** The program's loudness in words and numbers, by EBU R 128. Pure. */
import type { ProgramLoudness } from '../protocol';

/** The switch says so of what is as good as silence. */
export const SILENCE_LUFS = -70;
/** EBU R 128 asks live programmes to be within 1 LU of the target. */
const TOLERANCE_LU = 1;
/** The scale "EBU +9": from 18 LU below the target to 9 above it. */
const BELOW_LU = 18;
const ABOVE_LU = 9;

export const SILENT: ProgramLoudness = {
  momentary: SILENCE_LUFS,
  shortTerm: SILENCE_LUFS,
  integrated: SILENCE_LUFS,
  truePeak: -96,
  ducked: 0,
};

/** Programs of which nothing new is heard: their meters fall, what was integrated stands. */
export function silenced(
  programs: Readonly<Record<string, ProgramLoudness>>,
): Readonly<Record<string, ProgramLoudness>> {
  return Object.fromEntries(
    Object.entries(programs).map(([episode, { integrated, truePeak }]) => [
      episode,
      { ...SILENT, integrated, truePeak },
    ]),
  );
}

export interface Verdict {
  tone: 'silent' | 'quiet' | 'right' | 'loud';
  word: string;
}

/** How a loudness stands to the target. */
export function verdict(lufs: number, target: number): Verdict {
  if (lufs <= SILENCE_LUFS) return { tone: 'silent', word: 'Silent' };
  const off = lufs - target;
  if (Math.abs(off) <= TOLERANCE_LU) return { tone: 'right', word: 'On target' };
  const units = Math.round(Math.abs(off));
  return off > 0 ? { tone: 'loud', word: `${units} LU loud` } : { tone: 'quiet', word: `${units} LU quiet` };
}

/** How much of the meter a loudness fills, 0 to 1. */
export function loudnessFill(lufs: number, target: number): number {
  return Math.min(1, Math.max(0, (lufs - target + BELOW_LU) / (BELOW_LU + ABOVE_LU)));
}

/** Where on the meter the target is. */
export const TARGET_AT = BELOW_LU / (BELOW_LU + ABOVE_LU);

/** A level with a real minus, one decimal; a dash for silence. */
export function formatLevel(value: number, silence: number): string {
  if (value <= silence) return '–';
  const text = Math.abs(value).toFixed(1);
  return value < 0 && text !== '0.0' ? `−${text}` : text;
}
