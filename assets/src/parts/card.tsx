/** The call I am screening, as a form: typed, saved as typed, and sent on with one key. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { approve, approvePlace, backToLobby, block, placeOf, pressTwice } from '../commands';
import { isCalling } from '../calls-out';
import { dropPress } from '../desk';
import { LIMITS, type CardField } from '../draft';
import { leave, saveProblem, saving, shown, type } from '../drafts';
import { formatNumber } from '../phone';
import type { Call } from '../protocol';
import { chosenCallId, levels, myCall, myCalls } from '../state';
import { CallGuest } from './call-out';
import { ConsentPanel } from './consent';
import { Flags, label, StatusChip } from './flags';
import { Icon } from './icons';
import { BadLine, LineMark } from './line-mark';
import { MicPanel } from './mic-panel';
import { PassingOn, PassOn } from './pass-on';
import { Press, Refusal } from './press';
import { Meter, Timer } from './timer';

export function CardPanel(): JSX.Element {
  const call = myCall.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const hadCall = useRef(false);
  useEffect(() => {
    // The form is gone with the call: focus goes to the heading, not to a button that Enter would press.
    if (hadCall.current && !call && document.activeElement === document.body) heading.current?.focus();
    hadCall.current = call !== null;
  }, [call?.id]);
  return (
    <section
      class={`panel card${call ? ' held' : ''}`}
      aria-labelledby="card-title"
      data-testid="card"
      data-call={call?.id}
    >
      <div class="panel-head">
        <h2 id="card-title" ref={heading} tabIndex={-1}>
          My call
        </h2>
        {call && <StatusChip call={call} />}
        {call && <Timer since={call.screeningAt} what={isCalling(call) ? 'ringing' : 'in screening'} testId="screening-timer" />}
        <span class="spacer" />
        {myCalls.value.length > 1 && <MyCalls />}
        {call ? <SendAway call={call} /> : <CallGuest />}
      </div>
      {call ? <Card key={call.id} call={call} /> : <NoCall />}
      <MicPanel where="a call" />
    </section>
  );
}

function Card({ call }: { call: Call }): JSX.Element {
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!(event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    void approve(call.id, event.shiftKey);
  };
  return (
    <form
      class="card-form"
      aria-label={`Card of ${label(call)}`}
      onSubmit={(event) => event.preventDefault()}
      onKeyDown={onKeyDown}
    >
      <div class="card-who">
        <span class="number">{call.from ? formatNumber(call.from) : 'Number withheld'}</span>
        <Flags call={call} />
        <LineMark call={call} />
        <PassOn call={call} />
        <Meter read={() => levels.value.calls[call.id] ?? -90} label="Caller's level" testId="caller-level" />
      </div>
      <BadLine call={call} />
      <PassingOn call={call} />
      <ConsentPanel call={call} />
      <div class="card-pair">
        <Field call={call} field="name" title="Name" inputRef={first} />
        <Field call={call} field="location" title="Location" />
      </div>
      <Field call={call} field="point" title="Point" hint="what the host reads" area />
      <Field call={call} field="notes" title="Notes" area />
      <SaveProblem call={call} />
      <div class="card-actions">
        <Press
          place={approvePlace(call.id, false)}
          testId="approve"
          tone="go"
          size="big"
          icon="check"
          keyHint="↵"
          disabled={isCalling(call)}
          onPress={() => approve(call.id, false)}
        >
          Approve
        </Press>
        <Press
          place={approvePlace(call.id, true)}
          testId="approve-next"
          tone="go"
          size="big"
          icon="next"
          keyHint="⇧ ↵"
          disabled={isCalling(call)}
          onPress={() => approve(call.id, true)}
        >
          Approve &amp; next
        </Press>
      </div>
      <Refusal places={[approvePlace(call.id, false), approvePlace(call.id, true)]} />
    </form>
  );
}

/** The ways out of screening that are not approval: away from Approve, so that no slip of the mouse hangs up. */
function SendAway({ call }: { call: Call }): JSX.Element {
  const places = [
    placeOf('back-to-lobby', call.id),
    placeOf('drop', call.id),
    placeOf('block-caller', call.id),
  ];
  if (isCalling(call)) {
    return (
      <>
        <Press place={placeOf('drop', call.id)} testId="drop" icon="drop" onPress={() => dropPress(call)}>
          Stop calling
        </Press>
        <Refusal places={places} />
      </>
    );
  }
  return (
    <>
      <span class="send-away" role="group" aria-label="Without approval">
        <Press
          place={placeOf('back-to-lobby', call.id)}
          testId="back-to-lobby"
          icon="back"
          onPress={() => backToLobby(call.id)}
        >
          Back to lobby
        </Press>
        <Press place={placeOf('drop', call.id)} testId="drop" icon="drop" onPress={() => dropPress(call)}>
          Drop
        </Press>
        <Press
          place={placeOf('block-caller', call.id)}
          testId="block"
          icon="block"
          armedWord="Block? Press again"
          onPress={() => pressTwice(placeOf('block-caller', call.id), () => block(call.id))}
        >
          Block
        </Press>
      </span>
      <Refusal places={places} />
    </>
  );
}

interface FieldProps {
  call: Call;
  field: CardField;
  title: string;
  hint?: string;
  area?: boolean;
  inputRef?: { current: HTMLInputElement | null };
}

export function Field({ call, field, title, hint, area = false, inputRef }: FieldProps): JSX.Element {
  const text = shown(call, field);
  const id = `card-${field === 'callerNotes' ? 'caller-notes' : field}`;
  const shared = {
    id,
    'data-testid': id,
    value: text,
    maxLength: LIMITS[field],
    autocomplete: 'off',
    onBlur: () => leave(call.id, field),
  };
  return (
    <div class={`field field-${field}`}>
      <label for={id}>
        {title}
        {hint && <span class="faint"> {hint}</span>}
        {field === 'notes' && <SaveState callId={call.id} />}
        {field === 'point' && (
          <span class={`counter${text.length >= LIMITS.point ? ' full' : ''}`} data-testid="point-counter">
            {text.length}/{LIMITS.point}
          </span>
        )}
      </label>
      {area ? (
        <textarea
          {...shared}
          rows={2}
          onInput={(event) =>
            type(
              call.id,
              field,
              field === 'point'
                ? event.currentTarget.value.replace(/\s*\n\s*/g, ' ')
                : event.currentTarget.value,
            )
          }
        />
      ) : (
        <input
          {...shared}
          type="text"
          ref={inputRef}
          onInput={(event) => type(call.id, field, event.currentTarget.value)}
        />
      )}
    </div>
  );
}

function SaveState({ callId }: { callId: string }): JSX.Element {
  const busy = saving(callId);
  return (
    <span class="counter" data-testid="save-state" data-state={busy ? 'saving' : 'saved'}>
      {busy ? 'Saving…' : 'Saved as you type'}
    </span>
  );
}

function SaveProblem({ call }: { call: Call }): JSX.Element | null {
  const problem = saveProblem.value.get(call.id);
  if (problem === undefined) return null;
  return (
    <p class="refusal" data-testid="save-problem">
      <Icon name="warning" />
      <span>Not saved: {problem}</span>
    </p>
  );
}

function MyCalls(): JSX.Element {
  return (
    <div class="my-calls" role="group" aria-label="My calls">
      {myCalls.value.map((call) => (
        <button
          key={call.id}
          type="button"
          class="press small plain"
          aria-pressed={call.id === myCall.value?.id}
          onClick={() => (chosenCallId.value = call.id)}
        >
          {label(call)}
        </button>
      ))}
    </div>
  );
}

function NoCall(): JSX.Element {
  return (
    <div class="empty big">
      <Icon name="headset" />
      <p>
        <strong>No call with you.</strong>
        <br />
        Press <kbd>F1</kbd> to answer whoever has waited longest, or pick one from the lobby.
      </p>
    </div>
  );
}
