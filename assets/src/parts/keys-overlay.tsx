/** The keys of this page, on `?`. */
import type { JSX } from 'preact';
import { helpOpen } from '../desk';
import { KEY_HELP } from '../keys';
import type { Page } from '../policy';
import { Dialog } from './dialog';

export function KeysOverlay({ page }: { page: Page }): JSX.Element {
  return (
    <Dialog open={helpOpen.value} title="Keys" testId="keys-overlay" onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {KEY_HELP[page].map(([key, what]) => (
          <div key={key + what}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="faint">Keys rest while you type, all but the function keys.</p>
      <form method="dialog">
        <button class="press plain normal" data-testid="keys-close">
          Close
        </button>
      </form>
    </Dialog>
  );
}
