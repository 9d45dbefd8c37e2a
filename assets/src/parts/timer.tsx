/** Timers and meters: the two things that move by themselves. */
import type { JSX } from 'preact';
import { meterFill } from '../audio/level';
import { switchSeconds } from '../state';
import { formatElapsed, speakElapsed, waitAge } from '../time';

interface TimerProps {
  since: number | null;
  /** What is being timed, for a screen reader: "waiting". */
  what: string;
  /** Grow heavier and amber-edged with age, as a wait does. */
  ages?: boolean;
  testId?: string;
}

export function Timer({ since, what, ages = false, testId }: TimerProps): JSX.Element | null {
  if (since === null) return null;
  const elapsed = switchSeconds.value - since / 1000;
  return (
    <span
      class={`timer ${ages ? waitAge(elapsed) : ''}`}
      role="timer"
      aria-label={`${what} ${speakElapsed(elapsed)}`}
      data-testid={testId}
    >
      {formatElapsed(elapsed)}
    </span>
  );
}

interface MeterProps {
  /** Reads the level in dBFS; a signal read in here redraws the meter alone. */
  read: () => number;
  label: string;
  off?: boolean;
  testId?: string;
}

export function Meter({ read, label, off = false, testId }: MeterProps): JSX.Element {
  const fill = meterFill(read());
  return (
    <span
      class={`meter${off ? ' off' : ''}`}
      role="img"
      aria-label={label}
      data-testid={testId}
      data-active={fill > 0.05}
    >
      <span class="meter-fill" style={{ clipPath: `inset(0 ${(100 - fill * 100).toFixed(1)}% 0 0)` }} />
    </span>
  );
}
