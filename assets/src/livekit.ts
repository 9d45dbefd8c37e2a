/**
 * How the way to LiveKit is, as pages tell it: well, lost since when, or just back. The step is pure; the signal stands
 * for all pages.
 */
import { signal } from '@preact/signals';
import type { Health } from './protocol';

export type LiveKitNews =
  | { at: 'well' }
  /** `since` by the switch's clock, `null` where the switch does not say. */
  | { at: 'lost'; since: number | null }
  /** Good news, told for a while; `since` by this machine's clock. */
  | { at: 'back'; since: number };

/** How long good news is told. */
export const BACK_SHOWN_MS = 6_000;

export const livekit = signal<LiveKitNews>({ at: 'well' });

/** What there is to tell once the switch's health is this; the same object while nothing changes. */
export function after(before: LiveKitNews, health: Health, now: number): LiveKitNews {
  if (health.livekit === 'lost') {
    const since = health.livekitLostSince ?? null;
    return before.at === 'lost' && before.since === since ? before : { at: 'lost', since };
  }
  if (before.at === 'lost') return { at: 'back', since: now };
  if (before.at === 'back' && now - before.since >= BACK_SHOWN_MS) return { at: 'well' };
  return before;
}
