/** Whom the host called, on the host's own page: calling, talking aside, told, and through to hold. */
import type { JSX } from 'preact';
import { aside, inStudio, seatedWith } from '../audio/seat';
import { openMicrophone } from '../audio/microphone';
import { isCalling } from '../calls-out';
import { approve, approvePlace, placeOf } from '../commands';
import { dropPress } from '../desk';
import { formatNumber } from '../phone';
import type { Call } from '../protocol';
import { myCalls } from '../state';
import { ConsentPanel } from './consent';
import { label, StatusChip } from './flags';
import { MicPanel } from './mic-panel';
import { PassingOn } from './pass-on';
import { Press, Refusal } from './press';
import { TalkHere } from './talk-here';
import { Timer } from './timer';

export function MyGuests(): JSX.Element | null {
  const calls = myCalls.value;
  if (calls.length === 0) return null;
  return (
    <section class="panel my-guests" aria-labelledby="guests-title" data-testid="my-guests">
      <div class="panel-head">
        <h2 id="guests-title">My guest</h2>
      </div>
      <ul class="rows">
        {calls.map((call) => (
          <MyGuest key={call.id} call={call} />
        ))}
      </ul>
    </section>
  );
}

function MyGuest({ call }: { call: Call }): JSX.Element {
  const approved = approvePlace(call.id, false);
  const dropped = placeOf('drop', call.id);
  return (
    <li class="row guest-row" data-testid={`call-${call.id}`} data-call={call.id} data-status={call.status}>
      <div class="row-main">
        <div class="row-title">
          <StatusChip call={call} />
          <strong class="name">{label(call)}</strong>
          {call.name && call.from && <span class="location">{formatNumber(call.from)}</span>}
          <span class="spacer" />
          <Timer since={call.screeningAt} what={isCalling(call) ? 'ringing' : 'with me'} />
        </div>
        <PassingOn call={call} />
        <ConsentPanel call={call} />
        {inStudio.value || <TalkHere call={call} />}
        {seatedWith.value === call.id && <MicPanel where="the call" />}
        <Refusal places={[approved, dropped]} />
      </div>
      <span class="row-actions">
        <Press
          place={dropped}
          testId="drop"
          icon="drop"
          label={isCalling(call) ? `Stop calling ${label(call)}` : `Drop ${label(call)}`}
          onPress={() => dropPress(call)}
        >
          {isCalling(call) ? 'Stop calling' : 'Drop'}
        </Press>
        <TalkAside call={call} />
        <Press
          place={approved}
          testId="approve"
          tone="go"
          icon="check"
          label={`Put ${label(call)} on hold, ready for air`}
          disabled={isCalling(call)}
          onPress={() => approve(call.id, false)}
        >
          To hold
        </Press>
      </span>
    </li>
  );
}

/** Out of the studio the host hears them at once; in the studio only by a press, for it takes the host off the air. */
function TalkAside({ call }: { call: Call }): JSX.Element | null {
  if (!inStudio.value) return null;
  const talking = aside.value === call.id;
  return (
    <Press
      place={`aside:${call.id}`}
      testId="talk-aside"
      icon="headset"
      tone={talking ? 'mine' : 'plain'}
      pressed={talking}
      label={talking ? 'Back into the studio' : `Leave the studio and talk to ${label(call)}`}
      disabled={isCalling(call)}
      onPress={() => {
        aside.value = talking ? null : call.id;
        void openMicrophone();
      }}
    >
      {talking ? 'Back to studio' : 'Talk (leaves studio)'}
    </Press>
  );
}
