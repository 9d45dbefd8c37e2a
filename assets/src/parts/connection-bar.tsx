/** Says when what is on the screen may be old, and when it is fresh again. Heals by itself. */
import type { JSX } from 'preact';
import { link, regainedAt, retryNow } from '../socket';
import { board, switchSeconds } from '../state';
import { seconds } from '../time';
import { Icon } from './icons';
import { Press } from './press';

const REGAINED_SHOWN_S = 4;

export function ConnectionBar(): JSX.Element {
  const phase = link.value;
  // Read so that the countdown and the end of the good news are redrawn.
  const now = seconds.value;
  void switchSeconds.value;
  const regained = regainedAt.value !== null && now - regainedAt.value / 1000 < REGAINED_SHOWN_S;
  const state =
    phase.at === 'open' ? (regained ? 'regained' : 'connected') : board.value ? 'lost' : 'connecting';
  return (
    <div
      class={`connection-bar ${state}`}
      data-testid="connection"
      data-state={state}
      role="status"
      aria-live="assertive"
    >
      {state === 'regained' && (
        <>
          <Icon name="check" />
          <span>Connected again. Everything here is up to date.</span>
        </>
      )}
      {(state === 'lost' || (state === 'connecting' && phase.at === 'waiting')) && (
        <>
          <Icon name="plug" />
          <span>
            <strong>{state === 'lost' ? 'Connection lost.' : 'The switch does not answer.'}</strong>{' '}
            {state === 'lost' ? 'What you see may be old. ' : ''}
            <span aria-live="off">
              {phase.at === 'waiting'
                ? `Trying again in ${Math.max(1, Math.ceil(phase.until / 1000 - now))} s.`
                : 'Connecting…'}
            </span>
          </span>
          {phase.at === 'waiting' && (
            <Press place="retry" testId="retry-now" size="small" tone="plain" onPress={retryNow}>
              Try now
            </Press>
          )}
        </>
      )}
    </div>
  );
}
