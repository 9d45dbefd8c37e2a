/** What is known of this caller: the record behind the number and the earlier calls. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { api } from '../http';
import { press } from '../presses';
import type { Call } from '../protocol';
import { Refused } from '../refused';
import { request } from '../socket';
import { myCall, switchSeconds } from '../state';
import { formatDay, formatElapsed } from '../time';
import { Field } from './card';
import { Icon } from './icons';
import { Press, Refusal } from './press';

type History = { at: 'loading' } | { at: 'known'; calls: Call[] } | { at: 'failed'; detail: string };

const history = signal<History>({ at: 'loading' });
let asked = 0;

export function HistoryPanel(): JSX.Element {
  const call = myCall.value;
  const callerId = call?.callerId ?? null;
  useEffect(() => {
    if (callerId) void load(callerId);
  }, [callerId]);
  return (
    <aside class="panel history" aria-labelledby="history-title" data-testid="history">
      <div class="panel-head">
        <h2 id="history-title">This caller</h2>
      </div>
      {call ? (
        <About call={call} />
      ) : (
        <p class="faint pad">Whoever you pick up: earlier calls and notes show here.</p>
      )}
    </aside>
  );
}

function About({ call }: { call: Call }): JSX.Element {
  const { callerId } = call;
  const vipPlace = `vip:${call.id}`;
  const unblockPlace = `unblock:${callerId}`;
  return (
    <div class="about">
      <div class="about-actions">
        <Press
          place={vipPlace}
          testId="vip"
          size="small"
          icon="star"
          pressed={call.vip}
          onPress={() => press(vipPlace, () => request('update-card', { callId: call.id, vip: !call.vip }))}
        >
          {call.vip ? 'VIP' : 'Make VIP'}
        </Press>
        {call.blocked && callerId !== null && (
          <Press
            place={unblockPlace}
            testId="unblock"
            size="small"
            icon="block"
            tone="warn"
            onPress={() => press(unblockPlace, () => api.changeCaller(callerId, { blocked: false }))}
          >
            Unblock
          </Press>
        )}
      </div>
      <Refusal places={[vipPlace, unblockPlace]} />
      <Field call={call} field="callerNotes" title="Notes on this caller" area />
      <h3>Earlier calls</h3>
      {callerId ? (
        <Earlier call={call} callerId={callerId} />
      ) : (
        <p class="faint">The number is withheld: nothing is known.</p>
      )}
    </div>
  );
}

function Earlier({ call, callerId }: { call: Call; callerId: string }): JSX.Element {
  const state = history.value;
  if (state.at === 'loading') return <p class="faint">Looking up…</p>;
  if (state.at === 'failed') {
    return (
      <div class="trouble">
        <Icon name="warning" />
        <span>{state.detail}</span>
        <Press place="history-retry" testId="history-retry" size="small" onPress={() => load(callerId)}>
          Try again
        </Press>
      </div>
    );
  }
  const earlier = state.calls.filter((other) => other.id !== call.id);
  if (earlier.length === 0) return <p class="faint">This is the first call from here.</p>;
  return (
    <ol class="earlier">
      {earlier.map((other) => (
        <EarlierCall key={other.id} call={other} />
      ))}
    </ol>
  );
}

function EarlierCall({ call }: { call: Call }): JSX.Element {
  const at = instant(call.queuedAt ?? call.endedAt);
  const aired = call.onAirSeconds ?? 0;
  return (
    <li data-testid={`history-${call.id}`}>
      <div class="row-title">
        <span>{at === null ? 'Earlier' : formatDay(at, switchSeconds.value * 1000)}</span>
        <span class={aired > 0 ? 'aired' : 'faint'}>
          {aired > 0 ? `On air ${formatElapsed(aired)}` : 'Not aired'}
        </span>
      </div>
      <p>{call.point || <span class="faint">No point written</span>}</p>
      {call.notes && <p class="faint">{call.notes}</p>}
    </li>
  );
}

async function load(callerId: string): Promise<void> {
  const mine = ++asked;
  history.value = { at: 'loading' };
  let outcome: History;
  try {
    outcome = { at: 'known', calls: await api.historyOf(callerId) };
  } catch (error) {
    outcome = {
      at: 'failed',
      detail: error instanceof Refused ? error.message : 'The earlier calls could not be read.',
    };
  }
  if (mine === asked) history.value = outcome;
}

/** HTTP may write an instant as text where the WebSocket writes milliseconds. */
function instant(value: number | string | null): number | null {
  if (value === null) return null;
  const ms = typeof value === 'number' ? value : Date.parse(value);
  return Number.isFinite(ms) ? ms : null;
}
