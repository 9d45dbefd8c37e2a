/** The host's desk: who is on air, who is next, who waits; clock, controls and studio at the side. */
import type { JSX } from 'preact';
import { HostQueue } from '../parts/host-queue';
import { NextCard } from '../parts/next-card';
import { MyGuests } from '../parts/my-guest';
import { NoEpisode } from '../parts/no-episode';
import { OnAirStrip } from '../parts/on-air';
import { ProgramPanel } from '../parts/program';
import { ShowControls } from '../parts/show-controls';
import { StudioPanel } from '../parts/studio';
import { episode, switchSeconds } from '../state';
import type { Episode } from '../protocol';
import { formatClock, formatElapsed } from '../time';

export function HostPage(): JSX.Element {
  const current = episode.value;
  if (!current) return <NoEpisode />;
  return (
    <main class={`host${current.status === 'live' ? ' live' : ''}`} data-testid="host-page">
      <h1 class="visually-hidden">Host</h1>
      <div class="host-main">
        <OnAirStrip />
        <NextCard />
        <MyGuests />
        <HostQueue />
      </div>
      <div class="host-side">
        <section class="panel show-panel" aria-label="Show">
          <ShowClock episode={current} />
          <ShowControls episode={current} />
        </section>
        {current.status === 'live' && <ProgramPanel episode={current} />}
        <StudioPanel />
      </div>
    </main>
  );
}

function ShowClock({ episode }: { episode: Episode }): JSX.Element {
  const since = episode.startedAt;
  return (
    <div class="show-clock" data-testid="show-clock">
      <span class="show-time">{formatClock(switchSeconds.value * 1000)}</span>
      <span class="faint">
        {episode.status === 'live' && since !== null ? (
          <>
            live for <span class="timer">{formatElapsed(switchSeconds.value - since / 1000)}</span>
          </>
        ) : (
          'not live'
        )}
      </span>
    </div>
  );
}
