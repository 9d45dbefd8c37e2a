/** The on-air strip: every caller whom the listeners hear now. */
import type { JSX } from 'preact';
import { placeOf, putOnHold, setMuted } from '../commands';
import { dropPress, lines, select, selectedId } from '../desk';
import { may, mayDrop } from '../policy';
import type { Call } from '../protocol';
import { episode, levels, nextCall, onAirCalls, peaks, role } from '../state';
import { AirSound, airSoundPlaces } from './air-sound';
import { label, StatusChip } from './flags';
import { Icon } from './icons';
import { LevelMeter } from './level-meter';
import { BadLine, LineMark } from './line-mark';
import { Press, Refusal } from './press';
import { Timer } from './timer';

export function OnAirStrip(): JSX.Element {
  const calls = onAirCalls.value;
  return (
    <section
      class={`on-air${calls.length > 0 ? ' lit' : ''}`}
      aria-labelledby="on-air-title"
      data-testid="on-air"
    >
      <h2 id="on-air-title" class="visually-hidden">
        On air
      </h2>
      {calls.length === 0 ? <NobodyOnAir /> : null}
      <ul class="on-air-rows">
        {calls.map((call) => (
          <OnAirCaller key={call.id} call={call} />
        ))}
      </ul>
    </section>
  );
}

function OnAirCaller({ call }: { call: Call }): JSX.Element {
  const line = lines.value.get(call.id);
  const selected = selectedId.value === call.id;
  const mutePlace = placeOf('set-muted', call.id);
  const dropPlace = placeOf('drop', call.id);
  const holdPlace = placeOf('put-on-hold', call.id);
  return (
    <li
      class={`air-caller${selected ? ' selected' : ''}`}
      data-testid={`call-${call.id}`}
      data-call={call.id}
      data-status={call.status}
      data-muted={call.muted}
      aria-current={selected ? 'true' : undefined}
    >
      <div class="air-who" onClick={() => select(selected ? null : call.id)}>
        <div class="air-title">
          {line !== undefined && <span class="line-number">{line}</span>}
          <StatusChip call={call} />
          <strong class="air-name">{label(call)}</strong>
          {call.location && <span class="location">{call.location}</span>}
          <LineMark call={call} />
          {call.muted && (
            <span class="flag warn">
              <Icon name="micOff" />
              Muted
            </span>
          )}
          <span class="spacer" />
          <Timer since={call.onAirAt} what="on air" testId="air-timer" />
        </div>
        <BadLine call={call} />
        <p class="air-point">{call.point || <span class="faint">No point written</span>}</p>
        <LevelMeter
          level={() => levels.value.calls[call.id] ?? -90}
          peak={() => peaks.value[call.id] ?? -90}
          label={`Level of ${label(call)}`}
          off={call.muted}
          testId="caller-level"
        />
      </div>
      <div class="air-actions">
        <Press
          place={mutePlace}
          testId="mute"
          icon={call.muted ? 'mic' : 'micOff'}
          keyHint="M"
          tone={call.muted ? 'warn' : 'plain'}
          pressed={call.muted}
          label={`${call.muted ? 'Unmute' : 'Mute'} ${label(call)}`}
          disabled={!may(role.value, 'set-muted')}
          onPress={() => setMuted(call.id, !call.muted)}
        >
          {call.muted ? 'Unmute' : 'Mute'}
        </Press>
        <Press
          place={holdPlace}
          testId="hold"
          icon="hold"
          keyHint="H"
          label={`Hold ${label(call)}`}
          disabled={!may(role.value, 'put-on-hold')}
          onPress={() => putOnHold(call.id)}
        >
          Hold
        </Press>
        <DropButton call={call} place={dropPlace} />
      </div>
      <AirSound call={call} />
      <Refusal places={[mutePlace, holdPlace, dropPlace, ...airSoundPlaces(call.id)]} />
    </li>
  );
}

/** `dropPress` arms by itself, so the key D and this button share one armed state. */
function DropButton({ call, place }: { call: Call; place: string }): JSX.Element {
  return (
    <Press
      place={place}
      testId="drop"
      icon="drop"
      keyHint="D"
      armedWord="Drop? Press again"
      label={`Drop ${label(call)}`}
      disabled={!mayDrop(role.value, 'on-air')}
      onPress={() => dropPress(call)}
    >
      Drop
    </Press>
  );
}

function NobodyOnAir(): JSX.Element {
  const live = episode.value?.status === 'live';
  return (
    <div class="nobody" data-testid="nobody-on-air">
      <Icon name="air" />
      <p>
        <strong>No caller on air.</strong>{' '}
        {!live && 'Go live first; then Next takes callers on air.'}
        {live && nextCall.value && 'Next takes the caller below.'}
      </p>
    </div>
  );
}
