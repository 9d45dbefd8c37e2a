/** Episodes: make one, start and end it, open and close its lines. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { api } from '../../http';
import { Icon } from '../../parts/icons';
import { Press, Refusal } from '../../parts/press';
import { ShowControls } from '../../parts/show-controls';
import { Timer } from '../../parts/timer';
import { press, refuse } from '../../presses';
import type { Episode } from '../../protocol';
import { held, lobby, onAir } from '../../queue';
import { board, episodes } from '../../state';
import { navigate } from '../../route';

const PLACE = 'create-episode';
const title = signal('');
const showId = signal('');

export function Episodes(): JSX.Element {
  const shows = [...(board.value?.shows.values() ?? [])];
  return (
    <section class="panel" aria-labelledby="episodes-title" data-testid="episodes">
      <div class="panel-head">
        <h2 id="episodes-title">Episodes</h2>
      </div>
      {shows.length === 0 ? (
        <div class="empty">
          <Icon name="info" />
          <p>
            <strong>No show yet.</strong>
            <br />
            An episode is one airing of a show.{' '}
            <a
              href="/admin?section=shows"
              onClick={(event) => {
                event.preventDefault();
                navigate('/admin?section=shows');
              }}
            >
              Make a show first.
            </a>
          </p>
        </div>
      ) : (
        <NewEpisode />
      )}
      {shows.length > 0 && episodes.value.length === 0 && (
        <p class="faint pad">No episode is planned. Make one above, then start it when the show begins.</p>
      )}
      <ul class="rows">
        {episodes.value.map((episode) => (
          <EpisodeRow key={episode.id} episode={episode} />
        ))}
      </ul>
    </section>
  );
}

function NewEpisode(): JSX.Element {
  const shows = [...(board.value?.shows.values() ?? [])];
  const chosen = shows.find((show) => show.id === showId.value) ?? shows[0];
  const create = async (event: Event) => {
    event.preventDefault();
    if (!chosen) return;
    if (title.value.trim() === '') {
      refuse(PLACE, 'Write a title: hosts and screeners see it at the top of their desk.');
      return;
    }
    const sent = title.value;
    const made = await press(PLACE, () => api.createEpisode(chosen.id, sent.trim()));
    // Who types on while it is under way keeps what they typed.
    if (made && title.value === sent) title.value = '';
  };
  return (
    <form class="inline-form" aria-label="New episode" onSubmit={create}>
      <div class="field">
        <label for="episode-show">Show</label>
        <select
          id="episode-show"
          data-testid="episode-show"
          value={chosen?.id}
          onChange={(event) => (showId.value = event.currentTarget.value)}
        >
          {shows.map((show) => (
            <option key={show.id} value={show.id}>
              {show.name}
            </option>
          ))}
        </select>
      </div>
      <div class="field grow">
        <label for="episode-title">Title</label>
        <input
          id="episode-title"
          data-testid="episode-title"
          maxLength={120}
          value={title.value}
          onInput={(event) => (title.value = event.currentTarget.value)}
        />
      </div>
      <Press place={PLACE} testId="create-episode" tone="mine" icon="plus" type="submit">
        Make episode
      </Press>
      <Refusal places={[PLACE]} />
    </form>
  );
}

function EpisodeRow({ episode }: { episode: Episode }): JSX.Element {
  const here = board.value;
  const live = episode.status === 'live';
  return (
    <li class="row episode-row" data-testid={`episode-${episode.id}`} data-status={episode.status}>
      <div class="row-main">
        <div class="row-title">
          <span class={`tally ${live ? 'live' : ''}`}>
            <Icon name={live ? 'air' : 'clock'} />
            {live ? 'Live' : 'Planned'}
            {live && <Timer since={episode.startedAt} what="live for" />}
          </span>
          <strong class="name">{episode.title || 'No title'}</strong>
        </div>
        <div class="row-detail">
          {here?.shows.get(episode.showId)?.name} · episode {episode.number}
          {here &&
            live &&
            ` · ${lobby(here, episode).length} waiting, ${held(here, episode).length} approved, ${onAir(here, episode).length} on air`}
        </div>
      </div>
      <ShowControls episode={episode} />
    </li>
  );
}
