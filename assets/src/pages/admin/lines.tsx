/** Lines: the SIP messages of each recent call, so that nobody has to guess why one went wrong. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { api } from '../../http';
import { atSeconds, outcome, party, repeats, type Ladder, type Rung, type SipCall } from '../../ladder';
import { Icon } from '../../parts/icons';
import { Press, Refusal } from '../../parts/press';
import { announce } from '../../notices';
import { press, refuse } from '../../presses';
import { formatClock, formatElapsed } from '../../time';
import { navigate, query } from '../../route';

const PLACE = 'lines';
const COPY = 'lines-copy';
const calls = signal<SipCall[] | null>(null);
const ladder = signal<Ladder | null>(null);

export function Lines(): JSX.Element {
  const asked = Number(new URLSearchParams(query.value).get('ladder') ?? 0);
  useEffect(() => {
    if (asked > 0) void look(asked);
    else void fetchCalls();
  }, [asked]);
  return (
    <section class="panel sip-lines" aria-labelledby="lines-title" data-testid="lines">
      <div class="panel-head">
        <h2 id="lines-title">{asked > 0 ? 'Messages of a call' : 'Lines: the last calls'}</h2>
        {asked > 0 ? (
          <Press place={PLACE} testId="lines-back" size="small" icon="back" onPress={() => navigate('/admin?section=lines')}>
            All calls
          </Press>
        ) : (
          <Press place={PLACE} testId="lines-refresh" size="small" icon="repeat" onPress={fetchCalls}>
            Look again
          </Press>
        )}
      </div>
      <Refusal places={[PLACE, COPY]} />
      {asked > 0 ? ladder.value?.ladder === asked && <LadderView shown={ladder.value} /> : <CallList />}
    </section>
  );
}

function CallList(): JSX.Element {
  const list = calls.value;
  if (list === null) return <p class="faint pad">Fetching…</p>;
  if (list.length === 0) {
    return (
      <p class="faint pad">
        No call has come by SIP since the switch started, or none that a trunk sent. Strangers are not listed.
      </p>
    );
  }
  return (
    <ul class="rows">
      {list.map((call) => (
        <CallRow key={call.ladder} call={call} />
      ))}
    </ul>
  );
}

function CallRow({ call }: { call: SipCall }): JSX.Element {
  const { words, bad } = outcome(call);
  const to = `/admin?section=lines&ladder=${call.ladder}`;
  return (
    <li class="row line-row" data-testid={`line-${call.ladder}`}>
      <a
        class="row-main"
        href={to}
        onClick={(event) => {
          event.preventDefault();
          navigate(to);
        }}
      >
        <span class="row-title">
          <Icon name={call.direction === 'in' ? 'phone' : 'leave'} />
          <strong class="name">{party(call.from)}</strong>
          <span class={bad ? 'line-bad' : 'faint'}>
            {bad && <Icon name="warning" />}
            {words}
          </span>
        </span>
        <span class="row-detail">
          {formatClock(call.beganAt)} · {call.direction === 'in' ? 'from' : 'to'} {call.trunk ?? call.peer} ·{' '}
          {call.transport} · {formatElapsed(call.lastedMs / 1000)} · {call.messages} messages
          {call.repeats > 0 && `, ${call.repeats} repeated`}
        </span>
      </a>
    </li>
  );
}

function LadderView({ shown }: { shown: Ladder }): JSX.Element {
  const { words, bad } = outcome(shown);
  return (
    <div class="ladder" data-testid="ladder">
      <dl class="ladder-facts">
        <Fact name="From" value={party(shown.from)} />
        <Fact name="To" value={party(shown.to)} />
        <Fact name="Trunk" value={shown.trunk ?? 'none'} />
        <Fact name="Peer" value={`${shown.peer} ${shown.transport}`} />
        <Fact name="Call-ID" value={shown.sipCallId} />
        <Fact name="Began" value={formatClock(shown.beganAt)} />
        <div>
          <dt>Now</dt>
          <dd class={bad ? 'line-bad' : undefined} data-testid="ladder-outcome">
            {bad && <Icon name="warning" />}
            {words}
          </dd>
        </div>
      </dl>
      <div class="ladder-actions">
        <Press place={COPY} testId="ladder-copy" size="small" onPress={() => copy(shown.ladder)}>
          Copy as text, numbers masked
        </Press>
        <a class="press plain small" href={`/api/sip/calls/${shown.ladder}/sip.pcap`} download data-testid="ladder-pcap">
          <span class="word">Capture for Wireshark</span>
        </a>
        <Press place={PLACE} testId="ladder-refresh" size="small" icon="repeat" onPress={() => look(shown.ladder)}>
          Look again
        </Press>
      </div>
      <div class="rungs-head" aria-hidden="true">
        <span>seconds</span>
        <span>{shown.trunk ?? 'far end'}</span>
        <span>switch</span>
      </div>
      <ol class="rungs">
        {shown.rungs.map((rung, index) => (
          <RungRow key={index} rung={rung} number={index + 1} peer={shown.peer} />
        ))}
      </ol>
      {shown.leftOut > 0 && (
        <p class="faint pad">{shown.leftOut} messages between the first ones and the last ones are left out.</p>
      )}
    </div>
  );
}

function RungRow({ rung, number, peer }: { rung: Rung; number: number; peer: string }): JSX.Element {
  const again = repeats(rung);
  const way = rung.direction === 'in' ? 'to the switch' : 'from the switch';
  const elsewhere = rung.direction === 'in' ? rung.from : rung.to;
  if (rung.direction === 'note') {
    return (
      <li class="rung note">
        <span class="rung-at">{atSeconds(rung.atMs)}</span>
        <span class="rung-note">
          <Icon name="warning" /> {rung.summary}
        </span>
      </li>
    );
  }
  return (
    <li class={`rung ${rung.direction}`}>
      <details data-testid={`rung-${number}`}>
        <summary>
          <span class="rung-at">{atSeconds(rung.atMs)}</span>
          <span class="rung-arrow">
            <span class="rung-words">
              {rung.summary}
              {elsewhere !== null && elsewhere !== peer && <span class="faint"> {elsewhere}</span>}
            </span>
            <span class="visually-hidden">, {way}</span>
          </span>
          {again !== null && <span class="rung-again">{again}</span>}
        </summary>
        <pre tabIndex={0}>{rung.text}</pre>
      </details>
    </li>
  );
}

function Fact({ name, value }: { name: string; value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

async function fetchCalls(): Promise<void> {
  const done = await press(PLACE, () => api.sipCalls());
  if (done) calls.value = done.result;
}

async function look(number: number): Promise<void> {
  const done = await press(PLACE, () => api.ladder(number));
  if (done) ladder.value = done.result;
}

async function copy(number: number): Promise<void> {
  const done = await press(COPY, () => api.ladderText(number));
  if (!done) return;
  try {
    await navigator.clipboard.writeText(done.result);
    announce('Copied.');
  } catch {
    refuse(COPY, 'This browser does not let the page copy. Open the text by its address instead: /api/sip/calls/…?format=text');
  }
}
