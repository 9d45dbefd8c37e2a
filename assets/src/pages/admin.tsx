/** The producer's and admin's page: episodes, shows, lines, operators, one at a time, and health beside them. */
import type { JSX } from 'preact';
import { navigate, query } from '../route';
import { board, role } from '../state';
import { Episodes } from './admin/episodes';
import { HealthPanel } from './admin/health';
import { Lines } from './admin/lines';
import { Operators } from './admin/operators';
import { Shows } from './admin/shows';

type Section = 'episodes' | 'shows' | 'lines' | 'operators';
const NAMES: Record<Section, string> = { episodes: 'Episodes', shows: 'Shows', lines: 'Lines', operators: 'Operators' };

export function AdminPage(): JSX.Element {
  const sections: Section[] =
    role.value === 'admin' ? ['episodes', 'shows', 'lines', 'operators'] : ['episodes', 'shows', 'lines'];
  const asked = new URLSearchParams(query.value).get('section');
  const current = sections.find((section) => section === asked) ?? 'episodes';
  return (
    <main class="admin" data-testid="admin-page">
      <h1 class="visually-hidden">Admin</h1>
      <nav class="admin-nav" aria-label="Sections">
        {sections.map((section) => (
          <a
            key={section}
            href={`/admin?section=${section}`}
            data-testid={`section-${section}`}
            aria-current={section === current ? 'page' : undefined}
            onClick={(event) => {
              event.preventDefault();
              navigate(`/admin?section=${section}`);
            }}
          >
            {NAMES[section]}
          </a>
        ))}
      </nav>
      <div class="admin-main">
        {board.value === null ? <p class="faint pad">Fetching…</p> : null}
        {board.value && current === 'episodes' && <Episodes />}
        {board.value && current === 'shows' && <Shows />}
        {board.value && current === 'lines' && <Lines />}
        {board.value && current === 'operators' && <Operators />}
      </div>
      <HealthPanel />
    </main>
  );
}
