/** The screener's desk: who waits, the one call with me, who they are, and the queue they go to. */
import type { JSX } from 'preact';
import { CardPanel } from '../parts/card';
import { HistoryPanel } from '../parts/history';
import { Lobby } from '../parts/lobby';
import { NoEpisode } from '../parts/no-episode';
import { QueuePanel } from '../parts/queue';
import { Refusal } from '../parts/press';
import { linesPlaces } from '../parts/show-controls';
import { TalkHere } from '../parts/talk-here';
import { episode, myCall } from '../state';

export function ScreenerPage(): JSX.Element {
  const current = episode.value;
  if (!current) return <NoEpisode />;
  return (
    <main class={`screener${myCall.value ? ' busy' : ''}`} data-testid="screener-page">
      <h1 class="visually-hidden">Screener</h1>
      <div class="desk-strip">
        <Refusal places={linesPlaces(current.id)} />
        {myCall.value && <TalkHere call={myCall.value} />}
      </div>
      <Lobby />
      <CardPanel />
      <HistoryPanel />
      <QueuePanel />
    </main>
  );
}
