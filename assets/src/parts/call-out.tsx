/** Calling somebody: the dialog that asks whom, and the press that opens it. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { asking, NO_GUEST, type Guest } from '../calls-out';
import { callBack, dial, placeOf } from '../commands';
import { LIMITS } from '../draft';
import { may } from '../policy';
import type { Call, Episode } from '../protocol';
import { board, episode, role } from '../state';
import { Dialog } from './dialog';
import { label } from './flags';
import { Icon } from './icons';
import { Press, Refusal } from './press';

const guest = signal<Guest>(NO_GUEST);

/** Opens the dialog; not shown to who may not call. */
export function CallGuest(): JSX.Element | null {
  if (!may(role.value, 'dial')) return null;
  return (
    <Press
      place="open-dial"
      testId="call-guest"
      size="small"
      icon="phone"
      disabled={episode.value?.status !== 'live'}
      onPress={() => (asking.value = { what: 'dial' })}
    >
      Call a guest
    </Press>
  );
}

/** Calls the caller of a call that is over. */
export function CallBack({ call }: { call: Call }): JSX.Element {
  const place = placeOf('call-back', call.id);
  return (
    <>
      <Press
        place={place}
        testId="call-back"
        size="small"
        icon="repeat"
        label={`Call ${label(call)} back`}
        onPress={() => callBack(call.id)}
      >
        Call back
      </Press>
      <Refusal places={[place]} />
    </>
  );
}

export function DialDialog(): JSX.Element {
  const close = () => (asking.value = null);
  const current = episode.value;
  const why = board.value?.callsOut.offBecause ?? null;
  return (
    <Dialog open={asking.value?.what === 'dial'} title="Call a guest" testId="dial-dialog" onClose={close}>
      {why !== null || !current ? (
        <>
          <p class="trouble" data-testid="dial-off">
            <Icon name="warning" />
            <span>{why ?? 'There is no episode.'}</span>
          </p>
          <div class="dialog-actions">
            <Press place="dial-close" testId="dial-close" onPress={close}>
              Close
            </Press>
          </div>
        </>
      ) : (
        <DialForm current={current} close={close} />
      )}
    </Dialog>
  );
}

function DialForm({ current, close }: { current: Episode; close: () => void }): JSX.Element {
  const place = placeOf('dial', current.id);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const put = (fields: Partial<Guest>) => (guest.value = { ...guest.value, ...fields });
  const call = async (event: Event) => {
    event.preventDefault();
    // The switch knows best what is wrong with a number: which are emergency numbers, which this station calls.
    if (await dial(current.id, guest.value)) {
      guest.value = NO_GUEST;
      close();
    }
  };
  return (
    <form class="dial-form" onSubmit={(event) => void call(event)}>
      <div class="field">
        <label for="dial-number">Number, with country code</label>
        <input
          id="dial-number"
          data-testid="dial-number"
          type="tel"
          ref={first}
          placeholder="+1 555 123 4567"
          autocomplete="off"
          maxLength={40}
          value={guest.value.number}
          onInput={(event) => put({ number: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for="dial-name">Name</label>
        <input
          id="dial-name"
          data-testid="dial-name"
          autocomplete="off"
          maxLength={LIMITS.name}
          value={guest.value.name}
          onInput={(event) => put({ name: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for="dial-point">
          Point<span class="faint"> what the host reads</span>
        </label>
        <input
          id="dial-point"
          data-testid="dial-point"
          autocomplete="off"
          maxLength={LIMITS.point}
          value={guest.value.point}
          onInput={(event) => put({ point: event.currentTarget.value })}
        />
      </div>
      <Refusal places={[place]} />
      <div class="dialog-actions">
        <Press place="dial-cancel" testId="dial-cancel" onPress={close}>
          Cancel
        </Press>
        <Press place={place} testId="dial-confirm" tone="mine" icon="phone" type="submit">
          Call
        </Press>
      </div>
    </form>
  );
}
