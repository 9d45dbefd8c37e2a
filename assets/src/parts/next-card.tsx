/** The one press of the show: who is next, large, and what Next will do. */
import type { JSX } from 'preact';
import { mayBeAired } from '../calls-out';
import { placeOf, putOnAir, takeNext } from '../commands';
import { may } from '../policy';
import type { Call, Episode } from '../protocol';
import { showOf } from '../queue';
import { board, episode, nextCall, onAirCalls, role } from '../state';
import { ConsentMissing } from './consent';
import { Flags, label } from './flags';
import { Icon } from './icons';
import { LineMark } from './line-mark';
import { Press, Refusal } from './press';
import { Timer } from './timer';

export function NextCard(): JSX.Element | null {
  const current = episode.value;
  const call = nextCall.value;
  if (!current) return null;
  const place = placeOf('next', current.id);
  return (
    <section
      class={`next-card${call && mayBeAired(call) ? ' ready' : ''}`}
      aria-labelledby="next-title"
      data-testid="next-card"
      data-call={call?.id}
    >
      <div class="next-body">
        <h2 id="next-title" class="next-label">
          <Icon name="next" />
          Next
          {call && !call.next && <span class="faint"> longest on hold</span>}
          {call && <Timer since={call.queuedAt} what="waiting" ages testId="wait-timer" />}
        </h2>
        {call ? (
          <NextCaller call={call} />
        ) : (
          <p class="next-empty">Nobody is approved. The screener's next approved caller stands here.</p>
        )}
      </div>
      <div class="next-press">
        {may(role.value, 'next') ? (
          <Press
            place={place}
            testId="next"
            tone="go"
            size="big"
            icon="next"
            keyHint="Space"
            disabled={!call || !mayBeAired(call) || current.status !== 'live'}
            onPress={() => takeNext(current.id)}
          >
            Next
          </Press>
        ) : (
          call && <TakeButton call={call} />
        )}
        <p class="faint next-effect" data-testid="next-effect">
          {effectOf(current, call)}
        </p>
      </div>
      <Refusal places={call ? [place, placeOf('put-on-air', call.id)] : [place]} />
    </section>
  );
}

function NextCaller({ call }: { call: Call }): JSX.Element {
  return (
    <>
      <p class="next-who">
        <strong>{label(call)}</strong>
        {call.location && <span class="location">{call.location}</span>}
        <Flags call={call} />
        <LineMark call={call} quietWhenGood />
        <ConsentMissing call={call} />
      </p>
      <p class="next-point" data-testid="next-point">
        {call.point || <span class="faint">No point written</span>}
      </p>
      {call.notes && <p class="next-notes">{call.notes}</p>}
    </>
  );
}

/** A co-host has no Next, but may take the same caller. */
function TakeButton({ call }: { call: Call }): JSX.Element {
  return (
    <Press
      place={placeOf('put-on-air', call.id)}
      testId="put-on-air-next"
      tone="go"
      size="big"
      icon="air"
      disabled={!may(role.value, 'put-on-air') || !mayBeAired(call)}
      onPress={() => putOnAir(call.id)}
    >
      Put on air
    </Press>
  );
}

/** What the press will do to whoever is on air, before it is pressed. */
function effectOf(current: Episode, call: Call | undefined): string {
  if (current.status !== 'live') return 'Go live first.';
  if (!call) return '';
  if (!mayBeAired(call)) return 'We called them: tell them first.';
  const leaving = onAirCalls.value.map(label).join(' and ');
  if (!leaving || !may(role.value, 'next')) return 'Takes this caller on air.';
  const policy = board.value ? showOf(board.value, current)?.nextPolicy : undefined;
  return policy === 'hold' ? `Puts ${leaving} back on hold.` : `Drops ${leaving}.`;
}
