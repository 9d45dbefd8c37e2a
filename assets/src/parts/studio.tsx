/** The host's seat: join the studio with one press, then see that the microphone is heard. */
import type { JSX } from 'preact';
import { openMicrophone } from '../audio/microphone';
import { roomState } from '../audio/room';
import { inStudio, joinStudio, leaveStudio, seat } from '../audio/seat';
import { may } from '../policy';
import { board, episode, role } from '../state';
import { Icon } from './icons';
import { MicPanel } from './mic-panel';
import { Press } from './press';

export function StudioPanel(): JSX.Element {
  const live = episode.value?.status === 'live';
  return (
    <section
      class="panel studio"
      aria-labelledby="studio-title"
      data-testid="studio"
      data-state={seat.value === 'studio' ? roomState.value.at : 'out'}
    >
      <div class="panel-head">
        <h2 id="studio-title">Studio</h2>
        <span class="spacer" />
        {inStudio.value && (
          <Press
            place="leave-studio"
            testId="leave-studio"
            size="small"
            tone="quiet"
            onPress={leaveStudio}
          >
            Leave
          </Press>
        )}
      </div>
      {seat.value === 'studio' ? <MicPanel where="the studio" /> : <JoinStudio live={live} />}
      <People />
    </section>
  );
}

function JoinStudio({ live }: { live: boolean }): JSX.Element {
  const withGuest = seat.value === 'guest';
  const join = () => {
    if (episode.value) joinStudio(episode.value.id);
    // Asked within the press, as browsers want it.
    void openMicrophone();
  };
  return (
    <div class="join">
      <p>
        {inStudio.value
          ? withGuest
            ? 'You are off the air: only your guest hears you.'
            : 'You join as soon as the show is live.'
          : withGuest
            ? 'Only your guest hears you. Join with your microphone when you are ready.'
            : live
              ? 'Nobody hears you yet. Join with your microphone; the browser will ask for it.'
              : 'You can get ready now: you join when the show goes live.'}
      </p>
      {!inStudio.value && (
        <Press
          place="join-studio"
          testId="join-studio"
          tone="mine"
          size="big"
          icon="mic"
          disabled={!may(role.value, 'room-token')}
          onPress={join}
        >
          Join studio
        </Press>
      )}
    </div>
  );
}

/** Who else is at a desk, and who of them sits in this studio. */
function People(): JSX.Element | null {
  const others = [...(board.value?.operators.values() ?? [])].filter(
    (person) => person.connected && person.operatorId !== board.value?.you.operatorId,
  );
  if (others.length === 0) return null;
  return (
    <ul class="people" aria-label="Others at their desks">
      {others.map((person) => (
        <li
          key={person.operatorId}
          data-testid={`person-${person.operatorId}`}
          data-room={person.inRoom ?? ''}
        >
          <Icon name={person.inRoom ? 'headset' : 'person'} />
          <span class="name">{person.name}</span>
          <span class="faint">{whereIs(person.inRoom, person.role)}</span>
        </li>
      ))}
    </ul>
  );
}

function whereIs(room: string | null, role: string): string {
  if (room === null) return role;
  if (room === episode.value?.liveRoom) return `${role}, in the studio`;
  return room.startsWith('screening-') ? `${role}, with a caller` : role;
}
