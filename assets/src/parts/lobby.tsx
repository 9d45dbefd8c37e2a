/** Ringing and lobby: who waits, how long, and what should be known before answering. */
import type { JSX } from 'preact';
import { pickUp, placeOf } from '../commands';
import { answerNext, select, selectedId } from '../desk';
import { may } from '../policy';
import type { Call } from '../protocol';
import { episode, lobbyCalls, myCall, othersCalls, role } from '../state';
import { EndedCalls } from './ended';
import { Flags, label, lastCall, StatusChip } from './flags';
import { Icon } from './icons';
import { Press, Refusal } from './press';
import { Timer } from './timer';

export function Lobby(): JSX.Element {
  const waiting = lobbyCalls.value;
  const current = episode.value;
  const nextPlace = current ? placeOf('pick-up-next', current.id) : 'pick-up-next';
  return (
    <section class="panel lobby" aria-labelledby="lobby-title" data-testid="lobby">
      <div class="panel-head">
        <h2 id="lobby-title">
          Waiting{' '}
          <span class="count" data-testid="lobby-count">
            {waiting.length}
          </span>
        </h2>
        <Press
          place={nextPlace}
          testId="pick-up-next"
          tone="mine"
          size="small"
          icon="headset"
          keyHint="F1"
          disabled={waiting.length === 0 || myCall.value !== null || !may(role.value, 'pick-up-next')}
          onPress={answerNext}
        >
          Answer next
        </Press>
      </div>
      <Refusal places={[nextPlace]} />
      {waiting.length === 0 ? <EmptyLobby /> : null}
      <ul class="rows" aria-label="Callers waiting, longest first">
        {waiting.map((call, index) => (
          <LobbyRow key={call.id} call={call} line={index + 1} />
        ))}
        {othersCalls.value.map((call) => (
          <OthersRow key={call.id} call={call} />
        ))}
      </ul>
      <EndedCalls />
    </section>
  );
}

function LobbyRow({ call, line }: { call: Call; line: number }): JSX.Element {
  const place = placeOf('pick-up', call.id);
  const selected = selectedId.value === call.id;
  return (
    <li
      class={`row lobby-row${call.blocked ? ' flagged' : ''}${selected ? ' selected' : ''}`}
      data-testid={`call-${call.id}`}
      data-call={call.id}
      data-status={call.status}
      data-ringing={call.ringing}
      aria-current={selected ? 'true' : undefined}
    >
      <span class="line-number" aria-label={`Line ${line}`}>
        {line <= 9 ? line : ''}
      </span>
      <div class="row-main" onClick={() => select(selected ? null : call.id)}>
        <div class="row-title">
          <strong class="name">{label(call)}</strong>
        </div>
        <div class="row-line">
          <StatusChip call={call} />
          <Flags call={call} />
        </div>
        <RowDetail call={call} />
        <Refusal places={[place]} />
      </div>
      <div class="row-side">
        <Timer since={call.queuedAt} what="waiting" ages testId="wait-timer" />
        <Press
          place={place}
          testId="pick-up"
          tone="mine"
          label={`Pick up ${label(call)}`}
          disabled={!may(role.value, 'pick-up')}
          onPress={() => pickUp(call.id)}
        >
          Pick up
        </Press>
      </div>
    </li>
  );
}

function RowDetail({ call }: { call: Call }): JSX.Element | null {
  const parts = [call.location, lastCall(call), call.point].filter(Boolean);
  return parts.length > 0 ? <div class="row-detail">{parts.join(' · ')}</div> : null;
}

function OthersRow({ call }: { call: Call }): JSX.Element {
  return (
    <li class="row others-row" data-testid={`call-${call.id}`} data-call={call.id} data-status={call.status}>
      <span class="line-number" />
      <div class="row-main">
        <div class="row-title">
          <span class="name">{label(call)}</span>
          <Timer since={call.screeningAt} what="in screening" />
        </div>
        <StatusChip call={call} />
        <Refusal places={[placeOf('pick-up', call.id)]} />
      </div>
    </li>
  );
}

function EmptyLobby(): JSX.Element {
  const current = episode.value;
  const sentence =
    current?.status !== 'live'
      ? 'The show is not live yet: callers hear that nobody is on air.'
      : current.linesOpen && current.busyAll
        ? 'All lines are set busy: new callers hear the busy tone.'
        : current.linesOpen
          ? 'Lines are open. New callers come up here by themselves.'
          : 'Lines are closed: callers hear that no show is on air. Open the lines to take calls.';
  return (
    <div class="empty">
      <Icon name="phone" />
      <p>
        <strong>Nobody is waiting.</strong>
        <br />
        {sentence}
      </p>
    </div>
  );
}
