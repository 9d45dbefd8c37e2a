/**
 * Who is where in an episode: the lists the pages show, in the order they show them. Pure.
 */
import type { Board } from './board';
import { mayBeAired } from './calls-out';
import type { Call, Episode, Show } from './protocol';

/** Lobby and ringing in the order in which they are picked up: by priority, then the longest wait first. */
export function lobby(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'queued').sort(
    (a, b) =>
      (a.position ?? Infinity) - (b.position ?? Infinity) ||
      (a.queuedAt ?? Infinity) - (b.queuedAt ?? Infinity) ||
      a.id.localeCompare(b.id),
  );
}

/** Calls in screening with this operator, the newest first. */
export function mine(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'screening')
    .filter((call) => call.heldBy === board.you.operatorId)
    .sort((a, b) => (b.screeningAt ?? 0) - (a.screeningAt ?? 0));
}

/** Calls in screening with somebody else. */
export function withOthers(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'screening').filter((call) => call.heldBy !== board.you.operatorId);
}

/** The hold queue in the order in which Next takes them. */
export function held(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'on-hold').sort(
    (a, b) =>
      (a.position ?? Infinity) - (b.position ?? Infinity) ||
      (a.heldAt ?? 0) - (b.heldAt ?? 0) ||
      a.id.localeCompare(b.id),
  );
}

/** Callers on air, the longest on air first. */
export function onAir(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'on-air').sort((a, b) => (a.onAirAt ?? 0) - (b.onAirAt ?? 0));
}

/** Completed calls, the newest first. */
export function ended(board: Board, episode: Episode): Call[] {
  return of(board, episode, 'completed').sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
}

/** The caller Next takes: the designated one, else the first in the queue who may be aired. */
export function nextUp(queue: readonly Call[]): Call | undefined {
  return queue.find((call) => call.next) ?? queue.find(mayBeAired) ?? queue[0];
}

/**
 * The `before` of a reorder command that moves a call by one place up or down,
 * or undefined when it stands there already.
 */
export function movedBy(queue: readonly Call[], callId: string, step: -1 | 1): string | null | undefined {
  const at = queue.findIndex((call) => call.id === callId);
  if (at < 0) return undefined;
  if (step === -1) return queue[at - 1]?.id;
  if (at >= queue.length - 1) return undefined;
  return queue[at + 2]?.id ?? null;
}

/** Episodes to choose from: live ones first, then by number. */
export function openEpisodes(board: Board): Episode[] {
  return [...board.episodes.values()]
    .filter((episode) => episode.status !== 'ended')
    .sort((a, b) => Number(b.status === 'live') - Number(a.status === 'live') || a.number - b.number);
}

export function showOf(board: Board, episode: Episode): Show | undefined {
  return board.shows.get(episode.showId);
}

/** What to call somebody on a screen: the name on the card, else the number, else that it was withheld. */
export function callerLabel(
  call: Pick<Call, 'name' | 'from'>,
  formatNumber: (e164: string) => string,
): string {
  const name = call.name?.trim();
  if (name) return name;
  return call.from ? formatNumber(call.from) : 'Number withheld';
}

/**
 * Line numbers 1 to 9 for the keys: a call keeps its number while it is held or on air,
 * a new one takes the lowest that is free.
 */
export function assignLines(
  before: ReadonlyMap<string, number>,
  callIds: readonly string[],
): Map<string, number> {
  const lines = new Map<string, number>();
  for (const id of callIds) {
    const line = before.get(id);
    if (line !== undefined) lines.set(id, line);
  }
  const taken = new Set(lines.values());
  for (const id of callIds) {
    if (lines.has(id)) continue;
    let line = 1;
    while (taken.has(line)) line += 1;
    if (line > 9) break;
    taken.add(line);
    lines.set(id, line);
  }
  return lines;
}

function of(board: Board, episode: Episode, status: Call['status']): Call[] {
  return [...board.calls.values()].filter((call) => call.episodeId === episode.id && call.status === status);
}
