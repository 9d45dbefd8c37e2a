/** What a caller's line is like: a word with bars, every figure on hover, and a sentence when it stays bad. */
import type { JSX } from 'preact';
import { BAD_LINE, wordsOf } from '../line-quality';
import type { Call, LineQuality } from '../protocol';
import { lineQualities } from '../state';
import { Icon, type IconName } from './icons';

const BARS: Record<LineQuality['level'], IconName> = { good: 'barsGood', fair: 'barsFair', bad: 'barsBad' };

/** Nothing until something is known. `quietWhenGood`: nothing while there is nothing to do about it. */
export function LineMark({ call, quietWhenGood = false }: { call: Call; quietWhenGood?: boolean }): JSX.Element | null {
  const line = lineQualities.value.get(call.id);
  if (!line || (quietWhenGood && line.level === 'good')) return null;
  const { word, detail } = wordsOf(line);
  return (
    <span class={`flag line-mark ${line.level}`} data-testid="line-mark" data-level={line.level} title={detail}>
      <Icon name={BARS[line.level]} />
      {word}
      <span class="visually-hidden">{detail.slice(word.length)}</span>
    </span>
  );
}

/** What to do about it; read out once, when it comes up. */
export function BadLine({ call }: { call: Call }): JSX.Element {
  const line = lineQualities.value.get(call.id);
  return (
    <div role="status" class="bad-line-place">
      {line?.askToCallBack && (
        <p class="bad-line" data-testid="bad-line">
          <Icon name="warning" />
          {BAD_LINE}
        </p>
      )}
    </div>
  );
}
