/** A level meter in dBFS with its scale, a held peak and the numbers in words for who does not see it. */
import type { JSX } from 'preact';
import { formatLevel } from '../audio/loudness';
import { meterFill, SILENCE_DB } from '../audio/level';

const TICKS = [-50, -40, -30, -20, -10, -3] as const;
/** A peak above it is about to be limited. */
const HOT_DBFS = -6;

interface LevelMeterProps {
  /** Read the level and the held peak in dBFS; signals read in here redraw the meter alone. */
  level: () => number;
  peak: () => number;
  /** Whose: "Level of Maria". */
  label: string;
  off?: boolean;
  testId: string;
}

export function LevelMeter({ level, peak, label, off = false, testId }: LevelMeterProps): JSX.Element {
  const [now, held] = [level(), peak()];
  const fill = meterFill(now);
  const silent = now <= SILENCE_DB && held <= SILENCE_DB;
  const hot = held > HOT_DBFS;
  return (
    <span class={`level${off ? ' off' : ''}`}>
      <span
        class="meter"
        role="meter"
        aria-label={label}
        aria-valuemin={-60}
        aria-valuemax={0}
        aria-valuenow={Math.round(Math.max(-60, now))}
        aria-valuetext={silent ? 'silent' : `${Math.round(now)} dBFS, peak ${Math.round(held)} dBFS`}
        data-testid={testId}
        data-active={fill > 0.05}
      >
        <span class="meter-fill" style={{ clipPath: `inset(0 ${(100 - fill * 100).toFixed(1)}% 0 0)` }} />
        {held > -60 && <span class="meter-peak" style={{ left: `${(meterFill(held) * 100).toFixed(1)}%` }} />}
      </span>
      <span class="level-scale" aria-hidden="true">
        {TICKS.map((db) => (
          <span key={db} style={{ left: `${meterFill(db) * 100}%` }}>
            {-db}
          </span>
        ))}
      </span>
      <span class={`level-peak${hot ? ' hot' : ''}`} aria-hidden="true">
        {hot ? 'Loud ' : 'Peak '}
        <span class="number">{formatLevel(Math.round(held), SILENCE_DB).replace('.0', '')}</span>
      </span>
    </span>
  );
}
