/** Says when LiveKit is lost, for whom that matters and for whom not, and when it is back. Goes by itself. */
import type { JSX } from 'preact';
import { BACK_SHOWN_MS, livekit } from '../livekit';
import { link } from '../socket';
import { board, switchSeconds } from '../state';
import { formatClock, formatElapsed, seconds } from '../time';
import { Icon } from './icons';

export function LiveKitBar(): JSX.Element {
  const news = livekit.value;
  // Read so that the good news ends.
  const backFor = news.at === 'back' ? seconds.value * 1000 - news.since : 0;
  // Without a connection to the switch nobody knows; that bar is up then.
  const known = link.value.at === 'open' && board.value !== null;
  const state = !known || backFor >= BACK_SHOWN_MS ? 'well' : news.at;
  return (
    <div
      class={`livekit-bar ${state}`}
      data-testid="livekit"
      data-state={state}
      role="status"
      aria-live="assertive"
    >
      {state === 'lost' && (
        <>
          <Icon name="warning" />
          <div class="livekit-words">
            <span>
              <strong>LiveKit lost.</strong> Callers are safe: they hear each other, or hold music. Reconnecting by
              itself.
            </span>
            {news.at === 'lost' && news.since !== null && <Since at={news.since} />}
          </div>
        </>
      )}
      {state === 'back' && (
        <>
          <Icon name="check" />
          <span>LiveKit is back.</span>
        </>
      )}
    </div>
  );
}

function Since({ at }: { at: number }): JSX.Element {
  return (
    <span class="since" aria-live="off" data-testid="livekit-since">
      since {formatClock(at)} · <span class="timer">{formatElapsed(switchSeconds.value - at / 1000)}</span>
    </span>
  );
}
