/** My microphone and my room: is it heard, how loud, and what to do when it is not. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import {
  chooseMicrophone,
  cough,
  coughing,
  deviceId,
  listMicrophones,
  mic,
  micLevel,
  microphones,
  muted,
  setMuted,
} from '../audio/microphone';
import { allowPlayback, playbackBlocked, publishAgain, roomState, tryAgain } from '../audio/room';
import { Icon } from './icons';
import { Press } from './press';
import { Meter } from './timer';

export function MicPanel({ where }: { where: string }): JSX.Element {
  useEffect(() => void listMicrophones(), []);
  const [tone, icon, word] = wordFor(where);
  const trouble = troubleNow();
  return (
    <div
      class={`mic${trouble ? ' in-trouble' : ''}`}
      data-testid="mic"
      data-state={mic.value.at}
      data-room={roomState.value.at}
    >
      <div class="mic-line">
        <span class={`mic-state ${tone}`} data-testid="mic-state">
          <Icon name={icon} />
          {word}
        </span>
        {!trouble && (
          <Meter
            read={() => micLevel.value}
            label="My microphone level"
            off={muted.value || coughing.value}
            testId="mic-level"
          />
        )}
      </div>
      {trouble ?? <MicButtons />}
      <DevicePicker />
    </div>
  );
}

function MicButtons(): JSX.Element {
  return (
    <div class="mic-line">
      <Press
        place="mic-mute"
        testId="mic-mute"
        size="small"
        icon={muted.value ? 'micOff' : 'mic'}
        tone={muted.value ? 'warn' : 'plain'}
        pressed={muted.value}
        onPress={() => setMuted(!muted.value)}
      >
        {muted.value ? 'Unmute' : 'Mute'}
      </Press>
      <CoughButton />
    </div>
  );
}

function CoughButton(): JSX.Element {
  const end = () => cough(false);
  return (
    <button
      type="button"
      class={`press small ${coughing.value ? 'warn' : 'plain'}`}
      data-testid="cough"
      aria-pressed={coughing.value}
      aria-label="Cough: hold to silence my microphone"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        cough(true);
      }}
      onPointerUp={(event) => {
        end();
        event.currentTarget.blur();
      }}
      onPointerCancel={end}
      onKeyDown={(event) => {
        if (event.key === ' ' || event.key === 'Enter') cough(true);
      }}
      onKeyUp={end}
      onBlur={end}
    >
      <span class="word">Cough</span>
      <kbd aria-hidden="true">C</kbd>
    </button>
  );
}

function DevicePicker(): JSX.Element {
  return (
    <select
      class="device"
      aria-label="Microphone"
      data-testid="mic-device"
      value={deviceId.value}
      onChange={(event) => void chooseMicrophone(event.currentTarget.value)}
    >
      <option value="">Default microphone</option>
      {microphones.value
        .filter((device) => device.deviceId !== 'default')
        .map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `Microphone ${index + 1}`}
          </option>
        ))}
    </select>
  );
}

/** What stands between this operator and the room, with what to do about it. */
function troubleNow(): JSX.Element | null {
  const room = roomState.value;
  if (room.at === 'failed') {
    return (
      <div class="trouble" data-testid="room-trouble">
        <Icon name="warning" />
        <span>{room.retrying ? `${room.detail} Trying again.` : room.detail}</span>
        <Press place="room-retry" testId="room-retry" size="small" onPress={tryAgain}>
          {room.retrying ? 'Try now' : 'Join here'}
        </Press>
      </div>
    );
  }
  if (mic.value.at === 'failed') {
    return (
      <div class="trouble" data-testid="mic-trouble">
        <Icon name="micOff" />
        <span>{mic.value.detail}</span>
        <Press place="mic-retry" testId="mic-retry" size="small" onPress={() => void publishAgain()}>
          Try again
        </Press>
      </div>
    );
  }
  if (playbackBlocked.value) {
    return (
      <div class="trouble" data-testid="playback-trouble">
        <Icon name="warning" />
        <span>The browser waits for a press before it plays sound.</span>
        <Press place="playback" testId="allow-playback" size="small" onPress={() => void allowPlayback()}>
          Play sound
        </Press>
      </div>
    );
  }
  return null;
}

function wordFor(where: string): [string, 'mic' | 'micOff' | 'plug' | 'headset', string] {
  const room = roomState.value;
  if (room.at === 'joining') return ['wait', 'plug', `Joining ${where}…`];
  if (room.at === 'reconnecting') return ['warn', 'plug', 'Reconnecting…'];
  if (room.at === 'failed') return ['warn', 'plug', `Not in ${where}`];
  if (room.at === 'out') return ['idle', 'headset', `Not in ${where}`];
  if (mic.value.at === 'asking') return ['wait', 'mic', 'Asking for the microphone…'];
  if (mic.value.at !== 'open') return ['warn', 'micOff', 'Listening only'];
  if (coughing.value) return ['warn', 'micOff', 'Cough: off'];
  if (muted.value) return ['warn', 'micOff', 'Mic muted'];
  return ['good', 'mic', 'Mic on'];
}
