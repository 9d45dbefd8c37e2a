/** What a desk shows when there is no episode to work on. */
import type { JSX } from 'preact';
import { board, role } from '../state';
import { pagesOf } from '../policy';
import { Icon } from './icons';

export function NoEpisode(): JSX.Element {
  const mayMake = pagesOf(role.value).includes('admin');
  return (
    <main class="alone" data-testid="no-episode">
      <div class="empty big">
        <Icon name={board.value ? 'clock' : 'plug'} />
        {board.value ? (
          <p>
            <strong>No episode is planned.</strong>
            <br />
            {mayMake
              ? 'Make one on the Admin page; it shows here at once.'
              : 'Ask a producer to make one; it shows here at once.'}
          </p>
        ) : (
          <p>
            <strong>Fetching the desk…</strong>
          </p>
        )}
      </div>
    </main>
  );
}
