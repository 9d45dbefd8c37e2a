/** A call that is mine, but with which another window may sit: this one takes the seat by a press. */
import type { JSX } from 'preact';
import { openMicrophone } from '../audio/microphone';
import { talkHere, talksElsewhere } from '../audio/seat';
import type { Call } from '../protocol';
import { label } from './flags';
import { Icon } from './icons';
import { Press } from './press';

export function TalkHere({ call }: { call: Call }): JSX.Element | null {
  if (!talksElsewhere(call)) return null;
  return (
    <div class="trouble" data-testid="talks-elsewhere">
      <Icon name="headset" />
      <span>You are not talking with {label(call)} in this window.</span>
      <Press
        place={`talk-here:${call.id}`}
        testId="talk-here"
        size="small"
        label={`Talk with ${label(call)} in this window`}
        onPress={() => {
          talkHere(call.id);
          void openMicrophone();
        }}
      >
        Talk here
      </Press>
    </div>
  );
}
