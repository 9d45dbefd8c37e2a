/** Consent of whom we called: the sentence to read out, the press that says it was, and the mark where it is missing. */
import type { JSX } from 'preact';
import { asking, isCalling, mayBeAired, noticeFor } from '../calls-out';
import { placeOf, recordConsent, withdrawConsent } from '../commands';
import { may } from '../policy';
import type { Call } from '../protocol';
import { board, role } from '../state';
import { formatClock } from '../time';
import { Dialog } from './dialog';
import { label } from './flags';
import { Icon } from './icons';
import { Press, Refusal } from './press';

/** On the card, while the operator talks with them. */
export function ConsentPanel({ call }: { call: Call }): JSX.Element | null {
  if (call.direction !== 'outbound' || isCalling(call)) return null;
  if (call.consentAt !== null) return <Told call={call} />;
  return (
    <div class="consent missing" data-testid="consent">
      <div class="consent-ask">
        <div class="consent-words">
          <p class="consent-why">
            <Icon name="warning" />
            <strong>Tell them before they are on air.</strong>
          </p>
          <Notice call={call} />
        </div>
        <Agrees call={call} />
      </div>
    </div>
  );
}

function Told({ call }: { call: Call }): JSX.Element {
  const place = placeOf('withdraw-consent', call.id);
  return (
    <div class="consent given" data-testid="consent">
      <p class="consent-why">
        <Icon name="check" />
        <span>
          Told by <strong>{call.consentBy}</strong> at {formatClock(call.consentAt ?? 0)}. They agree to be on air.
        </span>
        <span class="spacer" />
        <Press
          place={place}
          testId="withdraw-consent"
          size="small"
          tone="quiet"
          disabled={!may(role.value, 'withdraw-consent')}
          onPress={() => withdrawConsent(call.id)}
        >
          They changed their mind
        </Press>
      </p>
      <Refusal places={[place]} />
    </div>
  );
}

function Notice({ call }: { call: Call }): JSX.Element {
  return <blockquote data-testid="consent-notice">“{noticeFor(board.value, call)}”</blockquote>;
}

function Agrees({ call, then }: { call: Call; then?: () => void }): JSX.Element {
  const place = placeOf('record-consent', call.id);
  const agree = async () => {
    if (await recordConsent(call.id)) then?.();
  };
  return (
    <>
      <Press
        place={place}
        testId="record-consent"
        tone="go"
        icon="check"
        disabled={!may(role.value, 'record-consent')}
        onPress={agree}
      >
        I told them, they agree
      </Press>
      <Refusal places={[place]} />
    </>
  );
}

/** In a queue: why this caller cannot be put on air, and the way to mend it. */
export function ConsentMissing({ call }: { call: Call }): JSX.Element | null {
  if (mayBeAired(call)) return null;
  return (
    <button
      type="button"
      class="flag warn consent-flag"
      data-testid="consent-missing"
      aria-label={`${label(call)} was not told yet that they will be on air`}
      onClick={(event) => {
        event.stopPropagation();
        asking.value = { what: 'consent', callId: call.id };
      }}
    >
      <Icon name="warning" />
      Not told yet
    </button>
  );
}

export function ConsentDialog(): JSX.Element | null {
  const question = asking.value;
  const call = question?.what === 'consent' ? board.value?.calls.get(question.callId) : undefined;
  const close = () => (asking.value = null);
  return (
    <Dialog
      open={call !== undefined && call.status !== 'completed'}
      title={call ? `Was ${label(call)} told?` : 'Consent'}
      testId="consent-dialog"
      onClose={close}
    >
      {call && (
        <>
          <p>
            The station called them, so they may be put on air only after somebody told them (47 CFR 73.1206):
          </p>
          <Notice call={call} />
          <div class="dialog-actions">
            <Press place="consent-cancel" testId="consent-cancel" onPress={close}>
              Not yet
            </Press>
            <Agrees call={call} then={close} />
          </div>
        </>
      )}
    </Dialog>
  );
}
