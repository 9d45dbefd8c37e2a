/** How one caller on air sounds: louder, softer, and with the noise of their line taken out. */
import type { JSX } from 'preact';
import { placeOf, setDenoise, setGain } from '../commands';
import { may } from '../policy';
import type { Call } from '../protocol';
import { board, role } from '../state';
import { label } from './flags';
import { Press } from './press';

const STEP_DB = 2;

export function AirSound({ call }: { call: Call }): JSX.Element {
  const most = board.value?.mixing.gainDbMax ?? 0;
  const [gainPlace, noisePlace] = airSoundPlaces(call.id);
  const turn = (by: number) => setGain(call.id, Math.min(most, Math.max(-most, call.gainDb + by)));
  const locked = !may(role.value, 'set-gain');
  return (
    <div class="air-sound" role="group" aria-label={`Sound of ${label(call)}`}>
      <Press
        place={gainPlace}
        testId="softer"
        size="small"
        icon="minus"
        iconOnly
        label={`Turn ${label(call)} down`}
        disabled={locked || call.gainDb <= -most}
        onPress={() => turn(-STEP_DB)}
      >
        Softer
      </Press>
      <span class="gain" data-testid="gain" data-gain={call.gainDb} role="status">
        <span class="visually-hidden">Gain </span>
        {formatGain(call.gainDb)}
      </span>
      <Press
        place={gainPlace}
        testId="louder"
        size="small"
        icon="plus"
        iconOnly
        label={`Turn ${label(call)} up`}
        disabled={locked || call.gainDb >= most}
        onPress={() => turn(STEP_DB)}
      >
        Louder
      </Press>
      <Press
        place={noisePlace}
        testId="denoise"
        size="small"
        icon="sparkle"
        tone={call.denoise ? 'go' : 'plain'}
        pressed={call.denoise}
        label={`Take the noise out of ${label(call)}'s line`}
        disabled={!may(role.value, 'set-denoise')}
        onPress={() => setDenoise(call.id, !call.denoise)}
      >
        {call.denoise ? 'Noise out: on' : 'Noise out: off'}
      </Press>
    </div>
  );
}

/** Where gain and noise are pressed, for a refusal's sentence. */
export function airSoundPlaces(callId: string): [string, string] {
  return [placeOf('set-gain', callId), placeOf('set-denoise', callId)];
}

function formatGain(db: number): string {
  if (db === 0) return '0 dB';
  return `${db > 0 ? '+' : '−'}${Math.abs(db)} dB`;
}
