/** The approved callers as the host takes them. */
import type { JSX } from 'preact';
import { mayBeAired } from '../calls-out';
import { placeOf, putOnAir, setNext } from '../commands';
import { dropPress, lines, select, selectedId } from '../desk';
import { may, mayDrop } from '../policy';
import type { Call } from '../protocol';
import { heldCalls, lobbyCalls, myCalls, nextCall, othersCalls, role } from '../state';
import { CallGuest } from './call-out';
import { ConsentMissing } from './consent';
import { EndedCalls } from './ended';
import { Flags, label, StatusChip } from './flags';
import { LineMark } from './line-mark';
import { Press, Refusal } from './press';
import { Timer } from './timer';

export function HostQueue(): JSX.Element {
  const queue = heldCalls.value;
  const screening = myCalls.value.length + othersCalls.value.length;
  return (
    <section class="panel host-queue" aria-labelledby="queue-title" data-testid="queue">
      <div class="panel-head">
        <h2 id="queue-title">
          Queue{' '}
          <span class="count" data-testid="queue-count">
            {queue.length}
          </span>
        </h2>
        <span class="spacer" />
        <span class="faint" data-testid="behind">
          {screening} in screening · {lobbyCalls.value.length} waiting
        </span>
        <CallGuest />
      </div>
      {queue.length === 0 ? (
        <p class="faint pad">No approved callers. They come up here as the screener approves them.</p>
      ) : (
        <ol class="rows" aria-label="Approved callers, in order">
          {queue.map((call) => (
            <HostRow key={call.id} call={call} />
          ))}
        </ol>
      )}
      <EndedCalls />
    </section>
  );
}

function HostRow({ call }: { call: Call }): JSX.Element {
  const line = lines.value.get(call.id);
  const selected = selectedId.value === call.id;
  const takePlace = placeOf('put-on-air', call.id);
  const nextPlace = placeOf('set-next', call.id);
  const dropPlace = placeOf('drop', call.id);
  return (
    <li
      class={`row host-row${nextCall.value?.id === call.id ? ' next' : ''}${selected ? ' selected' : ''}`}
      data-testid={`call-${call.id}`}
      data-call={call.id}
      data-status={call.status}
      data-next={call.next}
      aria-current={selected ? 'true' : undefined}
    >
      <span class="line-number" aria-label={line === undefined ? undefined : `Line ${line}`}>
        {line}
      </span>
      <div class="row-main" onClick={() => select(selected ? null : call.id)}>
        <div class="row-title">
          <StatusChip call={call} />
          <strong class="name">{label(call)}</strong>
          {call.location && <span class="location">{call.location}</span>}
          <Flags call={call} />
          <LineMark call={call} quietWhenGood />
          <ConsentMissing call={call} />
          <span class="spacer" />
          <Timer since={call.queuedAt} what="waiting" ages testId="wait-timer" />
        </div>
        <p class="host-point">{call.point || <span class="faint">No point written</span>}</p>
        <Refusal places={[takePlace, nextPlace, dropPlace]} />
      </div>
      <span class="row-actions">
        <Press
          place={nextPlace}
          testId="set-next"
          icon="next"
          iconOnly
          tone={call.next ? 'go' : 'plain'}
          pressed={call.next}
          label={call.next ? `${label(call)} is next; take that back` : `Set ${label(call)} next`}
          disabled={!may(role.value, 'set-next')}
          onPress={() => setNext(call.id, !call.next)}
        >
          Set next
        </Press>
        {mayDrop(role.value, 'off-air') && (
          <Press
            place={dropPlace}
            testId="drop"
            icon="drop"
            iconOnly
            label={`Drop ${label(call)}`}
            onPress={() => dropPress(call)}
          >
            Drop
          </Press>
        )}
        <Press
          place={takePlace}
          testId="put-on-air"
          icon="air"
          label={`Put ${label(call)} on air`}
          disabled={!may(role.value, 'put-on-air') || !mayBeAired(call)}
          onPress={() => putOnAir(call.id)}
        >
          Put on air
        </Press>
      </span>
    </li>
  );
}
