/**
 * The board: everything the switch has told this page, as one immutable value.
 * Pure: a frame goes in, a new board comes out. `state.ts` holds the current one.
 */
import type { Call, CallsOut, Change, Episode, Health, Limits, Mixing, Presence, Show, Snapshot, You } from './protocol';

export interface Board {
  seq: number;
  /** Add to this machine's clock to have the switch's, in milliseconds. */
  clockOffset: number;
  you: You;
  shows: ReadonlyMap<string, Show>;
  episodes: ReadonlyMap<string, Episode>;
  calls: ReadonlyMap<string, Call>;
  operators: ReadonlyMap<string, Presence>;
  health: Health;
  limits: Limits;
  callsOut: CallsOut;
  mixing: Mixing;
}

/** Completed calls kept for each episode; the switch keeps the same number in its snapshot. */
export const COMPLETED_KEPT = 20;

export function fromSnapshot(frame: Snapshot, now: number): Board {
  return {
    seq: frame.seq,
    clockOffset: frame.serverTime - now,
    you: frame.you,
    shows: byId(frame.shows),
    episodes: byId(frame.episodes),
    calls: byId(frame.calls),
    operators: new Map(frame.operators.map((presence) => [presence.operatorId, presence])),
    health: frame.health,
    limits: frame.limits,
    callsOut: frame.callsOut,
    mixing: frame.mixing,
  };
}

/** The board after one change, or `gap` when a frame was lost and only a fresh snapshot helps. */
export function applyChange(board: Board, frame: Change): Board | 'gap' {
  if (frame.seq !== board.seq + 1) return 'gap';
  const removed = frame.removed ?? {};
  const shows = merge(board.shows, frame.shows, removed.shows);
  const endedNow = (frame.episodes ?? []).filter((episode) => episode.status === 'ended');
  const episodes = merge(board.episodes, frame.episodes, [
    ...(removed.episodes ?? []),
    ...endedNow.map((episode) => episode.id),
  ]);
  const calls = moved(merge(board.calls, frame.calls, removed.calls), frame.positions);
  return {
    ...board,
    seq: frame.seq,
    shows,
    episodes,
    calls: calls === board.calls && episodes === board.episodes ? calls : prune(calls, episodes),
    operators: frame.operators
      ? new Map([...board.operators, ...frame.operators.map((p) => [p.operatorId, p] as const)])
      : board.operators,
    health: frame.health ?? board.health,
  };
}

function byId<T extends { id: string }>(list: readonly T[]): ReadonlyMap<string, T> {
  return new Map(list.map((entity) => [entity.id, entity]));
}

function merge<T extends { id: string }>(
  before: ReadonlyMap<string, T>,
  changed: readonly T[] | undefined,
  removed: readonly string[] | undefined,
): ReadonlyMap<string, T> {
  if (!changed?.length && !removed?.length) return before;
  const after = new Map(before);
  for (const entity of changed ?? []) after.set(entity.id, entity);
  for (const id of removed ?? []) after.delete(id);
  return after;
}

/** Calls that stand elsewhere in their queue now. */
function moved(
  calls: ReadonlyMap<string, Call>,
  positions: Readonly<Record<string, number>> | undefined,
): ReadonlyMap<string, Call> {
  if (!positions) return calls;
  const after = new Map(calls);
  for (const [id, position] of Object.entries(positions)) {
    const call = calls.get(id);
    if (call) after.set(id, { ...call, position });
  }
  return after;
}

/** A page stays open for days: calls of ended episodes go, and of the completed ones only the newest stay. */
function prune(
  calls: ReadonlyMap<string, Call>,
  episodes: ReadonlyMap<string, Episode>,
): ReadonlyMap<string, Call> {
  const kept = new Map<string, Call>();
  const completed = new Map<string, Call[]>();
  for (const call of calls.values()) {
    if (call.episodeId !== null && !episodes.has(call.episodeId)) continue;
    if (call.status === 'completed') {
      const key = call.episodeId ?? '';
      completed.set(key, [...(completed.get(key) ?? []), call]);
    } else {
      kept.set(call.id, call);
    }
  }
  for (const ended of completed.values()) {
    ended.sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    for (const call of ended.slice(0, COMPLETED_KEPT)) kept.set(call.id, call);
  }
  return kept;
}
