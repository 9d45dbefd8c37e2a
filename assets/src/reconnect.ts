/**
 * When to connect again: the reconnect machine. Pure; `now` and the dice are passed in.
 *
 *   off → connecting → open → waiting → connecting → …
 *
 * Back-off doubles from half a second to ten, each wait drawn from its upper half so that the
 * dashboards of a restarted switch do not all return in the same instant.
 */

export type Phase =
  | { at: 'off' }
  | { at: 'connecting'; attempt: number; since: number }
  | { at: 'open'; attempt: number; since: number }
  | { at: 'waiting'; attempt: number; until: number };

export type Occurrence = 'start' | 'opened' | 'lost' | 'suspect' | 'online' | 'tick' | 'stop';

/** What the shell has to do after a step. */
export type Effect = 'connect' | 'close' | null;

export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 10_000;
/** A connection attempt that has not brought a snapshot by then is given up. */
export const CONNECT_TIMEOUT_MS = 8_000;
/** A connection that stood this long counts as healthy: the back-off begins anew. */
export const HEALTHY_AFTER_MS = 3_000;

export function step(phase: Phase, occurrence: Occurrence, now: number, dice: number): [Phase, Effect] {
  switch (occurrence) {
    case 'start':
      return phase.at === 'off' ? connect(0, now) : [phase, null];
    case 'stop':
      return [{ at: 'off' }, phase.at === 'off' ? null : 'close'];
    case 'opened':
      return phase.at === 'connecting'
        ? [{ at: 'open', attempt: phase.attempt, since: now }, null]
        : [phase, null];
    case 'lost':
    case 'suspect':
      return lost(phase, occurrence, now, dice);
    case 'online':
      return phase.at === 'waiting' ? connect(phase.attempt, now) : [phase, null];
    case 'tick':
      if (phase.at === 'waiting' && now >= phase.until) return connect(phase.attempt, now);
      if (phase.at === 'connecting' && now >= phase.since + CONNECT_TIMEOUT_MS) {
        return [wait(phase.attempt, now, dice), 'close'];
      }
      return [phase, null];
  }
}

/** Milliseconds to wait before attempt `attempt` (from 1), `dice` in [0, 1). */
export function backoffMs(attempt: number, dice: number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 10));
  return full / 2 + (full / 2) * dice;
}

function connect(attempt: number, now: number): [Phase, Effect] {
  return [{ at: 'connecting', attempt, since: now }, 'connect'];
}

function wait(attempt: number, now: number, dice: number): Phase {
  return { at: 'waiting', attempt: attempt + 1, until: now + backoffMs(attempt + 1, dice) };
}

/** `lost`: the socket has closed. `suspect`: it looks open but must go (a gap, silence, a sleep). */
function lost(phase: Phase, why: 'lost' | 'suspect', now: number, dice: number): [Phase, Effect] {
  const effect: Effect = why === 'suspect' ? 'close' : null;
  if (phase.at === 'open') {
    const healthy = now - phase.since >= HEALTHY_AFTER_MS;
    return [wait(healthy ? 0 : phase.attempt, now, dice), effect];
  }
  return phase.at === 'connecting' ? [wait(phase.attempt, now, dice), effect] : [phase, null];
}
