/** Go live and end, lines open and closed. Ending asks, because it hangs up on whoever waits. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { closeLines, endShow, openLines, placeOf, setBusyAll, startShow } from '../commands';
import { may } from '../policy';
import type { Episode } from '../protocol';
import { board, role } from '../state';
import { Dialog } from './dialog';
import { Icon, type IconName } from './icons';
import { Press, Refusal } from './press';

/** The episode whose end is being asked about. */
const ending = signal<string | null>(null);

export function ShowControls({ episode }: { episode: Episode }): JSX.Element {
  const places = [placeOf('start-show', episode.id), placeOf('end-show', episode.id), ...linesPlaces(episode.id)];
  return (
    <div class="show-controls">
      <LiveButton episode={episode} />
      <LinesButton episode={episode} />
      <Refusal places={places} />
      <EndDialog episode={episode} />
    </div>
  );
}

function LiveButton({ episode }: { episode: Episode }): JSX.Element {
  return episode.status === 'live' ? (
    <Press
      place={placeOf('end-show', episode.id)}
      testId="end-show"
      disabled={!may(role.value, 'end-show')}
      onPress={() => (ending.value = episode.id)}
    >
      End show
    </Press>
  ) : (
    <Press
      place={placeOf('start-show', episode.id)}
      testId="go-live"
      tone="go"
      size="big"
      icon="air"
      disabled={!may(role.value, 'start-show')}
      onPress={() => startShow(episode.id)}
    >
      Go live
    </Press>
  );
}

/** Where the lines are pressed, for a refusal's sentence. */
export function linesPlaces(episodeId: string): string[] {
  return (['open-lines', 'close-lines', 'busy-all'] as const).map((verb) => placeOf(verb, episodeId));
}

export function LinesButton({ episode }: { episode: Episode }): JSX.Element {
  const [tone, icon, word] = linesState(episode);
  return (
    <span class="lines" data-testid="lines" data-open={episode.linesOpen} data-busy={episode.busyAll}>
      <span class={`lines-state ${tone}`}>
        <Icon name={icon} />
        {word}
      </span>
      {episode.linesOpen && <BusyAll episode={episode} />}
      {episode.linesOpen ? (
        <Press
          place={placeOf('close-lines', episode.id)}
          testId="close-lines"
          size="small"
          disabled={!may(role.value, 'close-lines')}
          onPress={() => closeLines(episode.id)}
        >
          Close lines
        </Press>
      ) : (
        <Press
          place={placeOf('open-lines', episode.id)}
          testId="open-lines"
          size="small"
          tone="go"
          disabled={!may(role.value, 'open-lines')}
          onPress={() => openLines(episode.id)}
        >
          Open lines
        </Press>
      )}
    </span>
  );
}

function linesState(episode: Episode): [string, IconName, string] {
  if (!episode.linesOpen) return ['', 'lock', 'Lines closed'];
  return episode.busyAll ? ['busy', 'block', 'Lines busy'] : ['open', 'phone', 'Lines open'];
}

/** New calls get busy, and whoever is in stays. */
function BusyAll({ episode }: { episode: Episode }): JSX.Element {
  return (
    <Press
      place={placeOf('busy-all', episode.id)}
      testId="busy-all"
      size="small"
      icon="block"
      tone={episode.busyAll ? 'warn' : 'plain'}
      pressed={episode.busyAll}
      label={episode.busyAll ? 'Busy all: on. Let new calls in again' : 'Busy all: new calls get busy'}
      disabled={!may(role.value, 'busy-all')}
      onPress={() => setBusyAll(episode.id, !episode.busyAll)}
    >
      Busy all
    </Press>
  );
}

function EndDialog({ episode }: { episode: Episode }): JSX.Element {
  const close = () => (ending.value = null);
  const calls = [...(board.value?.calls.values() ?? [])].filter(
    (call) => call.episodeId === episode.id && call.status !== 'completed',
  ).length;
  return (
    <Dialog open={ending.value === episode.id} title="End the show?" testId="end-dialog" onClose={close}>
      <p>
        {calls === 0
          ? 'Nobody is on the line.'
          : `${calls} ${calls === 1 ? 'caller is' : 'callers are'} on the line and will be hung up.`}
      </p>
      <div class="dialog-actions">
        <Press place="end-cancel" testId="end-cancel" onPress={close}>
          Keep going
        </Press>
        <Press
          place={placeOf('end-show', episode.id)}
          testId="end-confirm"
          tone="warn"
          onPress={() => {
            close();
            void endShow(episode.id);
          }}
        >
          End show
        </Press>
      </div>
    </Dialog>
  );
}
