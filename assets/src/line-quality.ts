/**
 * What callers' lines are like: the words for them, and what is known of each call. Pure.
 */
import type { Call, LineQuality } from './protocol';

export type Qualities = ReadonlyMap<string, LineQuality>;

export interface LineWords {
  /** "Bad line" */
  word: string;
  /** Every figure, as a sentence. */
  detail: string;
}

export const BAD_LINE = 'Bad line: ask to call back.';

const WORDS = { good: 'Good line', fair: 'Fair line', bad: 'Bad line' } as const;

export function wordsOf(line: LineQuality): LineWords {
  const ours = [`${number(line.lossPercent)} % lost`, `jitter ${number(line.jitterMs)} ms`];
  if (line.rttMs !== null) ours.push(`round trip ${number(line.rttMs)} ms`);
  ours.push(`MOS ${line.mos.toFixed(1)}`);
  const theirs: string[] = [];
  if (line.farLossPercent !== null) theirs.push(`${number(line.farLossPercent)} % lost`);
  if (line.farJitterMs !== null) theirs.push(`jitter ${number(line.farJitterMs)} ms`);
  if (line.farMos !== null) theirs.push(`MOS ${line.farMos.toFixed(1)}`);
  const word = WORDS[line.level];
  const heard = `${word}. From the caller: ${ours.join(', ')}.`;
  return { word, detail: theirs.length > 0 ? `${heard} To the caller: ${theirs.join(', ')}.` : heard };
}

/** What is known after some news. Calls that are over or unknown are forgotten. */
export function known(
  before: Qualities,
  news: Readonly<Record<string, LineQuality>>,
  calls: ReadonlyMap<string, Call>,
): Qualities {
  const after = new Map([...before, ...Object.entries(news)]);
  for (const id of after.keys()) {
    const call = calls.get(id);
    if (!call || call.status === 'completed') after.delete(id);
  }
  return after;
}

/** Small figures with a tenth, others without. */
function number(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}
