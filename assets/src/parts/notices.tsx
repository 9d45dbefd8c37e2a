/** Notices on the screen, and the place from which refusals are read out. */
import type { JSX } from 'preact';
import { announcement, dismiss, notices } from '../notices';
import { Icon } from './icons';

export function Notices(): JSX.Element {
  return (
    <>
      <div class="notices" role="status" aria-live="polite" data-testid="notices">
        {notices.value.map((notice) => (
          <div
            key={notice.id}
            class={`notice ${notice.level}`}
            data-testid="notice"
            data-level={notice.level}
          >
            <Icon name={notice.level === 'warning' ? 'warning' : 'info'} />
            <span>{notice.text}</span>
            <button
              type="button"
              class="notice-close"
              aria-label="Dismiss"
              onClick={() => dismiss(notice.id)}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
      <div class="visually-hidden" role="alert" data-testid="announcer">
        <span key={announcement.value.n}>{announcement.value.text}</span>
      </div>
    </>
  );
}
