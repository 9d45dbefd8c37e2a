/** Says when the switch takes no new calls, why, and until when those that are up may go on. Goes by itself. */
import type { JSX } from 'preact';
import { link } from '../socket';
import { board, switchSeconds } from '../state';
import { formatClock, formatElapsed } from '../time';
import { Icon } from './icons';

export function SwitchBar(): JSX.Element {
  const refusing = (link.value.at === 'open' && board.value?.health.refusing) || null;
  const until = refusing?.until ?? null;
  return (
    <div
      class={`switch-bar ${refusing ? refusing.why : 'well'}`}
      data-testid="switch-bar"
      data-state={refusing?.why ?? 'well'}
      role="status"
      aria-live="assertive"
    >
      {refusing && (
        <>
          <Icon name="warning" />
          <div class="livekit-words">
            <strong>{refusing.text}</strong>
            {until !== null && (
              <span class="since" aria-live="off" data-testid="switch-until">
                until {formatClock(until)} ·{' '}
                <span class="timer">{formatElapsed(until / 1000 - switchSeconds.value)}</span> left
              </span>
            )}
          </div>
        </>
      )}
    </div>
  );
}
