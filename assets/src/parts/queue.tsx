/** The hold queue as the host sees it, for the screener: reorder by drag or keys, set next. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { placeOf, reorder, setNext } from '../commands';
import { dropPress } from '../desk';
import { may, mayDrop } from '../policy';
import { refuse } from '../presses';
import type { Call } from '../protocol';
import { movedBy } from '../queue';
import { board, heldCalls, nextCall, onAirCalls, role } from '../state';
import { ConsentMissing } from './consent';
import { label, StatusChip } from './flags';
import { Icon } from './icons';
import { Press, Refusal } from './press';
import { Timer } from './timer';

/** The call being dragged and the one it would be put before (null: last). */
const drag = signal<{ callId: string; before: string | null | undefined } | null>(null);

export function QueuePanel(): JSX.Element {
  const queue = heldCalls.value;
  const live = onAirCalls.value;
  return (
    <section class="panel queue" aria-labelledby="queue-title" data-testid="queue">
      <div class="panel-head">
        <h2 id="queue-title">
          Queue{' '}
          <span class="count" data-testid="queue-count">
            {queue.length}
          </span>
        </h2>
        <span class="faint">as the host sees it</span>
        <span class="spacer" />
        {live.map((call) => (
          <span key={call.id} class="on-air-now" data-testid={`call-${call.id}`} data-status={call.status}>
            <StatusChip call={call} />
            <strong>{label(call)}</strong>
            <Timer since={call.onAirAt} what="on air" />
          </span>
        ))}
      </div>
      {queue.length === 0 ? (
        <p class="faint pad">Nobody is approved yet. Approved callers stand here and hear the show.</p>
      ) : (
        <ol class="rows queue-rows" aria-label="Approved callers, in order">
          {queue.map((call, index) => (
            <QueueRow key={call.id} call={call} place={index + 1} queue={queue} />
          ))}
        </ol>
      )}
    </section>
  );
}

function QueueRow({
  call,
  place,
  queue,
}: {
  call: Call;
  place: number;
  queue: readonly Call[];
}): JSX.Element {
  const order = placeOf('reorder', call.id);
  const isNext = nextCall.value?.id === call.id;
  const mayOrder = may(role.value, 'reorder');
  return (
    <li
      class={`row queue-row${isNext ? ' next' : ''}${drag.value?.before === call.id ? ' drop-before' : ''}${drag.value?.callId === call.id ? ' dragged' : ''}`}
      data-testid={`call-${call.id}`}
      data-call={call.id}
      data-status={call.status}
      data-next={call.next}
      tabIndex={0}
      aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown"
      aria-label={`${place}. ${label(call)}, ${call.point || 'no point'}${call.next ? ', next' : ''}`}
      draggable={mayOrder}
      onKeyDown={(event) => moveByKey(event, call, queue)}
      onDragStart={(event) => startDrag(event, call)}
      onDragOver={(event) => dragOver(event, call, queue)}
      onDrop={(event) => endDrag(event, true)}
      onDragEnd={(event) => endDrag(event, false)}
    >
      <span class="grip">
        {mayOrder && <Icon name="grip" />}
        <span class="line-number">{place}</span>
      </span>
      <StatusChip call={call} />
      <strong class="name">{label(call)}</strong>
      <ConsentMissing call={call} />
      <span class="location">{call.location}</span>
      <span class="point">{call.point || <span class="faint">No point written</span>}</span>
      <Timer since={call.queuedAt} what="waiting" ages testId="wait-timer" />
      <QueueActions call={call} queue={queue} mayOrder={mayOrder} />
      <Refusal places={[order, placeOf('set-next', call.id), placeOf('drop', call.id)]} />
    </li>
  );
}

function QueueActions({
  call,
  queue,
  mayOrder,
}: {
  call: Call;
  queue: readonly Call[];
  mayOrder: boolean;
}): JSX.Element {
  const order = placeOf('reorder', call.id);
  return (
    <span class="row-actions">
      <Press
        place={placeOf('set-next', call.id)}
        testId="set-next"
        size="small"
        icon="next"
        tone={call.next ? 'go' : 'plain'}
        pressed={call.next}
        label={call.next ? `${label(call)} is next; take that back` : `Set ${label(call)} next`}
        disabled={!may(role.value, 'set-next')}
        onPress={() => setNext(call.id, !call.next)}
      >
        {call.next ? 'Next' : 'Set next'}
      </Press>
      {mayOrder && (
        <>
          <Press
            place={order}
            testId="move-up"
            size="small"
            icon="up"
            iconOnly
            label={`Move ${label(call)} up`}
            onPress={() => move(call, queue, -1)}
          >
            Up
          </Press>
          <Press
            place={order}
            testId="move-down"
            size="small"
            icon="down"
            iconOnly
            label={`Move ${label(call)} down`}
            onPress={() => move(call, queue, 1)}
          >
            Down
          </Press>
        </>
      )}
      {mayDrop(role.value, 'off-air') && (
        <Press
          place={placeOf('drop', call.id)}
          testId="drop"
          size="small"
          icon="drop"
          iconOnly
          label={`Drop ${label(call)}`}
          onPress={() => dropPress(call)}
        >
          Drop
        </Press>
      )}
    </span>
  );
}

function move(call: Call, queue: readonly Call[], step: -1 | 1): void {
  const before = movedBy(queue, call.id, step);
  if (before === undefined) {
    refuse(
      placeOf('reorder', call.id),
      step === -1 ? 'This caller is first already.' : 'This caller is last already.',
    );
  } else {
    void reorder(call.id, before);
  }
}

function moveByKey(event: KeyboardEvent, call: Call, queue: readonly Call[]): void {
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
  event.preventDefault();
  if (may(role.value, 'reorder')) move(call, queue, event.key === 'ArrowUp' ? -1 : 1);
}

function startDrag(event: DragEvent, call: Call): void {
  drag.value = { callId: call.id, before: undefined };
  event.dataTransfer?.setData('text/plain', call.id);
  if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
}

/** Over the upper half of a row means before it, over the lower half before the one after. */
function dragOver(event: DragEvent, over: Call, queue: readonly Call[]): void {
  if (drag.value === null || !(event.currentTarget instanceof HTMLElement)) return;
  event.preventDefault();
  const box = event.currentTarget.getBoundingClientRect();
  const after = event.clientY > box.top + box.height / 2;
  const at = queue.findIndex((call) => call.id === over.id);
  const before = after ? (queue[at + 1]?.id ?? null) : over.id;
  if (before !== drag.value.before) drag.value = { ...drag.value, before };
}

function endDrag(event: DragEvent, dropped: boolean): void {
  event.preventDefault();
  const moved = drag.value;
  drag.value = null;
  // A drag can outlive its call: it may have left the queue meanwhile.
  if (!dropped || !moved || moved.before === undefined || moved.before === moved.callId) return;
  if (board.value?.calls.get(moved.callId)?.status === 'on-hold') void reorder(moved.callId, moved.before);
}
