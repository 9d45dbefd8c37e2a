/** Health: is everything that carries a call in order, in words. */
import type { JSX } from 'preact';
import { Icon } from '../../parts/icons';
import { board } from '../../state';
import type { Health } from '../../protocol';

const SUMMARY: Record<Health['status'], string> = {
  ok: 'All is well',
  degraded: 'Working, with trouble',
  down: 'Cannot take calls',
};

const WORDS: Record<string, string> = {
  ok: 'Good',
  embedded: 'Good, built in',
  behind: 'Behind',
  degraded: 'In trouble',
  down: 'Down',
  lost: 'Lost',
  draining: 'No new calls',
  overloaded: 'No new calls',
};

export function HealthPanel(): JSX.Element | null {
  const health = board.value?.health;
  if (!health) return null;
  const people = [...(board.value?.operators.values() ?? [])].filter((person) => person.connected);
  return (
    <aside
      class="panel health"
      aria-labelledby="health-title"
      data-testid="health"
      data-status={health.status}
    >
      <div class="panel-head">
        <h2 id="health-title">Health</h2>
      </div>
      <p class={`health-summary ${health.status}`}>
        <Icon name={health.status === 'ok' ? 'check' : 'warning'} />
        {SUMMARY[health.status]}
      </p>
      <dl class="health-parts">
        <Part name="Telephone (SIP)" state={health.sip} />
        <Part name="Database" state={health.database} />
        <Part name="LiveKit" state={health.livekit} />
        <div>
          <dt>Calls now</dt>
          <dd data-testid="health-calls">{health.calls}</dd>
        </div>
      </dl>
      {health.notes.map((note) => (
        <p key={note} class="refusal">
          <Icon name="warning" />
          <span>{note}</span>
        </p>
      ))}
      <h3>At their desks</h3>
      <ul class="people">
        {people.map((person) => (
          <li key={person.operatorId}>
            <Icon name={person.inRoom ? 'headset' : 'person'} />
            <span class="name">{person.name}</span>
            <span class="faint">{person.role}</span>
          </li>
        ))}
      </ul>
    </aside>
  );
}

function Part({ name, state }: { name: string; state: string }): JSX.Element {
  const good = state === 'ok' || state === 'embedded';
  return (
    <div data-state={state}>
      <dt>{name}</dt>
      <dd class={good ? 'good' : 'wrong'}>
        <Icon name={good ? 'check' : 'warning'} />
        {WORDS[state] ?? state}
      </dd>
    </div>
  );
}
