/** What should be known of a caller before answering: words with icons, never a colour alone. */
import type { JSX } from 'preact';
import { isCalling } from '../calls-out';
import { formatNumber } from '../phone';
import type { Call } from '../protocol';
import { callerLabel } from '../queue';
import { board, switchSeconds } from '../state';
import { formatDay } from '../time';
import { Icon, type IconName } from './icons';

export function label(call: Call): string {
  return callerLabel(call, formatNumber);
}

export function Flags({ call }: { call: Call }): JSX.Element {
  const times = call.timesCalled ?? 0;
  return (
    <span class="flags">
      {call.blocked && <Flag icon="block" tone="warn" word="Blocked" testId="flag-blocked" />}
      {call.vip && <Flag icon="star" tone="vip" word="VIP" testId="flag-vip" />}
      {call.direction === 'outbound' ? (
        <Flag icon="phone" tone="plain" word="We called" testId="flag-outbound" />
      ) : times <= 1 ? (
        <Flag icon="sparkle" tone="first" word="First time" testId="flag-first-time" />
      ) : (
        <Flag icon="repeat" tone="plain" word={`${times} calls`} testId="flag-times" />
      )}
    </span>
  );
}

/** When this caller last rang before this call, or null for a first-timer. */
export function lastCall(call: Call): string | null {
  const first = (call.timesCalled ?? 0) <= 1;
  if (first || call.lastCalledAt === null || call.lastCalledAt >= (call.queuedAt ?? Infinity)) return null;
  return `last ${formatDay(call.lastCalledAt, switchSeconds.value * 1000)}`;
}

function Flag({
  icon,
  tone,
  word,
  testId,
}: {
  icon: IconName;
  tone: string;
  word: string;
  testId: string;
}): JSX.Element {
  return (
    <span class={`flag ${tone}`} data-testid={testId}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

/** Where a call is, in its colour, with its icon and word. */
export function StatusChip({ call }: { call: Call }): JSX.Element {
  const [tone, icon, word] = statusOf(call);
  return (
    <span class={`chip ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

function statusOf(call: Call): [string, IconName, string] {
  switch (call.status) {
    case 'queued':
      return call.ringing ? ['ringing pulse', 'ringing', 'Ringing'] : ['ringing', 'phone', 'Lobby'];
    case 'screening':
      if (isCalling(call)) return ['ringing pulse', 'ringing', 'Calling…'];
      return call.heldBy === board.value?.you.operatorId
        ? ['mine', 'headset', 'With me']
        : ['others', 'headset', `With ${call.heldByName ?? 'a screener'}`];
    case 'on-hold':
      return call.next ? ['approved next', 'next', 'Next'] : ['approved', 'check', 'Approved'];
    case 'on-air':
      return ['air', 'air', 'On air'];
    case 'completed':
      return ['others', 'drop', call.causeText ?? 'Ended'];
  }
}
