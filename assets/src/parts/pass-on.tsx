/** Passing a caller on to a help line or another number: the press, its dialog, and what is under way. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { asking, isCalling } from '../calls-out';
import { placeOf, transfer } from '../commands';
import { may, mayTransferAnywhere } from '../policy';
import type { Call } from '../protocol';
import { board, role } from '../state';
import { Dialog } from './dialog';
import { label } from './flags';
import { Press, Refusal } from './press';

const number = signal('');

export function PassOn({ call }: { call: Call }): JSX.Element | null {
  if (!may(role.value, 'transfer') || isCalling(call)) return null;
  const lines = board.value?.callsOut.helpLines ?? [];
  if (lines.length === 0 && !mayTransferAnywhere(role.value)) return null;
  return (
    <Press
      place="open-transfer"
      testId="pass-on"
      size="small"
      icon="leave"
      label={`Pass ${label(call)} on`}
      disabled={call.transferTo !== null}
      onPress={() => {
        number.value = '';
        asking.value = { what: 'transfer', callId: call.id };
      }}
    >
      Pass on
    </Press>
  );
}

/** Where a caller is being passed on to, until it is known what became of it. */
export function PassingOn({ call }: { call: Call }): JSX.Element | null {
  if (call.transferTo === null) return null;
  return (
    <p class="passing-on" role="status" data-testid="passing-on">
      <span class="spinner" aria-hidden="true" />
      Passing on to {call.transferTo}…
    </p>
  );
}

export function PassOnDialog(): JSX.Element {
  const question = asking.value;
  const call = question?.what === 'transfer' ? board.value?.calls.get(question.callId) : undefined;
  const close = () => (asking.value = null);
  return (
    <Dialog
      open={call !== undefined && call.status !== 'completed'}
      title={call ? `Pass ${label(call)} on` : 'Pass on'}
      testId="transfer-dialog"
      onClose={close}
    >
      {call && <Targets call={call} close={close} />}
    </Dialog>
  );
}

function Targets({ call, close }: { call: Call; close: () => void }): JSX.Element {
  const place = placeOf('transfer', call.id);
  const lines = board.value?.callsOut.helpLines ?? [];
  const to = async (target: string) => {
    if (await transfer(call.id, target)) close();
  };
  const toNumber = (event: Event) => {
    event.preventDefault();
    void to(number.value);
  };
  return (
    <>
      <p>They leave the show; nobody announces them there.</p>
      <div class="help-lines" role="group" aria-label="Help lines">
        {lines.map((line) => (
          <Press key={line} place={place} testId="help-line" icon="headset" onPress={() => to(line)}>
            {line}
          </Press>
        ))}
      </div>
      {mayTransferAnywhere(role.value) && (
        <form class="inline-form" onSubmit={toNumber}>
          <div class="field grow">
            <label for="transfer-number">{lines.length > 0 ? 'Or a number' : 'Number'}</label>
            <input
              id="transfer-number"
              data-testid="transfer-number"
              type="tel"
              placeholder="+1 555 123 4567"
              autocomplete="off"
              maxLength={40}
              value={number.value}
              onInput={(event) => (number.value = event.currentTarget.value)}
            />
          </div>
          <Press place={place} testId="transfer-confirm" icon="leave" type="submit">
            Pass on
          </Press>
        </form>
      )}
      <Refusal places={[place]} />
      <div class="dialog-actions">
        <Press place="transfer-cancel" testId="transfer-cancel" onPress={close}>
          Cancel
        </Press>
      </div>
    </>
  );
}

