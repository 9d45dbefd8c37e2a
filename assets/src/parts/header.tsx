/** The bar over every page: where we are, whether the show is live, who is signed in. */
import type { JSX } from 'preact';
import { helpOpen } from '../desk';
import { homeOf, pagesOf, type Page } from '../policy';
import { press } from '../presses';
import type { Role } from '../protocol';
import { navigate, path } from '../route';
import { session, signOut } from '../session';
import { chooseEpisode, episode, episodes, board, switchSeconds } from '../state';
import { formatClock } from '../time';
import { Icon, Mark } from './icons';
import { Press } from './press';
import { LinesButton } from './show-controls';
import { Timer } from './timer';

const PAGE_NAMES: Record<Page, string> = { screener: 'Screener', host: 'Host', admin: 'Admin' };

export function Header(): JSX.Element | null {
  if (session.value.at !== 'in') return null;
  const { name, role } = session.value.operator;
  return (
    <header class="header">
      <a
        class="brand"
        data-testid="home"
        href={`/${homeOf(role)}`}
        onClick={(event) => go(event, `/${homeOf(role)}`)}
        aria-label="audioroad, my page"
      >
        <Mark />
        <span class="brand-word">audioroad</span>
      </a>
      <PageSwitch role={role} />
      <EpisodePicker />
      <Tally />
      {path.value === '/screener' && episode.value && <LinesButton episode={episode.value} />}
      <span class="spacer" />
      <span class="header-clock" role="timer" aria-label="Time of day" data-testid="clock">
        {formatClock(switchSeconds.value * 1000)}
      </span>
      <span class="who">
        <span class="who-name" data-testid="operator-name">
          {name}
        </span>
        <span class="who-role">{role}</span>
      </span>
      <Press
        place="keys"
        testId="keys-help"
        tone="quiet"
        icon="keyboard"
        iconOnly
        label="Keys (?)"
        onPress={() => (helpOpen.value = true)}
      >
        Keys
      </Press>
      <Press
        place="sign-out"
        testId="sign-out"
        tone="quiet"
        icon="leave"
        iconOnly
        label="Sign out"
        onPress={() => press('sign-out', signOut)}
      >
        Sign out
      </Press>
    </header>
  );
}

function PageSwitch({ role }: { role: Role }): JSX.Element | null {
  const pages = pagesOf(role);
  if (pages.length < 2) return null;
  return (
    <nav class="page-switch" aria-label="Pages">
      {pages.map((page) => (
        <a
          key={page}
          href={`/${page}`}
          data-testid={`page-${page}`}
          aria-current={path.value === `/${page}` ? 'page' : undefined}
          onClick={(event) => go(event, `/${page}`)}
        >
          {PAGE_NAMES[page]}
        </a>
      ))}
    </nav>
  );
}

function EpisodePicker(): JSX.Element | null {
  const current = episode.value;
  if (!current || !board.value || path.value === '/admin') return null;
  const nameOf = (open: typeof current) =>
    `${board.value?.shows.get(open.showId)?.name ?? 'Show'} · ${open.number}${open.title ? ` · ${open.title}` : ''}`;
  if (episodes.value.length === 1) {
    return (
      <span class="episode-name" data-testid="episode-name">
        {nameOf(current)}
      </span>
    );
  }
  return (
    <select
      class="episode-picker"
      aria-label="Episode"
      data-testid="episode-picker"
      value={current.id}
      onChange={(event) => chooseEpisode(event.currentTarget.value)}
    >
      {episodes.value.map((open) => (
        <option key={open.id} value={open.id}>
          {nameOf(open)}
          {open.status === 'live' ? ' (live)' : ''}
        </option>
      ))}
    </select>
  );
}

/** The tally: is this episode on the air. */
function Tally(): JSX.Element | null {
  const current = episode.value;
  if (!current || path.value === '/admin') return null;
  const live = current.status === 'live';
  return (
    <span class={`tally ${live ? 'live' : ''}`} data-testid="tally" data-status={current.status}>
      <Icon name={live ? 'air' : 'clock'} />
      {live ? 'Live' : 'Not live'}
      {live && <Timer since={current.startedAt} what="since start" testId="show-timer" />}
    </span>
  );
}

function go(event: MouseEvent, to: string): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  navigate(to);
}
