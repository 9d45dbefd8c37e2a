/**
 * What every page reads: the board as a signal, the episode on the desk, and what follows from them.
 */
import { computed, signal } from '@preact/signals';
import { SILENT, silenced } from './audio/loudness';
import { levelsOf, metered, SILENCE, type Metered } from './audio/meters';
import { peakAt, withPeaks, type Peaks } from './audio/peaks';
import { applyChange, fromSnapshot, type Board } from './board';
import { after, livekit } from './livekit';
import { known, type Qualities } from './line-quality';
import type { Change, Episode, Levels, ProgramLoudness, Quality, Role, Snapshot } from './protocol';
import { held, lobby, mine, nextUp, onAir, openEpisodes, withOthers } from './queue';
import { seconds } from './time';

export const board = signal<Board | null>(null);

export const levels = signal<Levels>(SILENCE);
/** What callers' lines are like, by call. */
export const lineQualities = signal<Qualities>(new Map());

let meters: readonly Metered[] = [];

/** Held peaks in dBFS, by call, LiveKit identity or episode. */
export const peaks = signal<Readonly<Record<string, number>>>({});
let heldPeaks: Peaks = {};

const LOUDNESS_KEPT_MS = 1_000;
const NO_PROGRAM: Readonly<Record<string, ProgramLoudness>> = {};
const programs = signal(NO_PROGRAM);
let loudnessAt = 0;

/** The episode on this desk: what this person chose, where several are open, or what was live when they came. */
export const chosenEpisodeId = signal<string | null>(sessionStorage.getItem('episode'));

export const episodes = computed(() => (board.value ? openEpisodes(board.value) : []));

export const episode = computed(
  () => episodes.value.find((open) => open.id === chosenEpisodeId.value) ?? episodes.value[0] ?? null,
);

export const role = computed<Role>(() => board.value?.you.role ?? 'viewer');

/** Loudness of the program on the desk. */
export const programLoudness = computed(() => programs.value[episode.value?.id ?? ''] ?? SILENT);

/** Now by the switch's clock, in whole seconds. */
export const switchSeconds = computed(
  () => seconds.value + Math.round((board.value?.clockOffset ?? 0) / 1000),
);

export const lobbyCalls = computed(() => pick(lobby));
export const myCalls = computed(() => pick(mine));
export const othersCalls = computed(() => pick(withOthers));
export const heldCalls = computed(() => pick(held));
export const onAirCalls = computed(() => pick(onAir));
export const nextCall = computed(() => nextUp(heldCalls.value));

/** Which of my calls the card shows, where I hold several. */
export const chosenCallId = signal<string | null>(null);
export const myCall = computed(
  () => myCalls.value.find((call) => call.id === chosenCallId.value) ?? myCalls.value[0] ?? null,
);

/** Takes a snapshot or change; `gap` when only a fresh snapshot helps. */
export function receive(frame: Snapshot | Change, now: number): 'applied' | 'gap' {
  if (frame.type === 'snapshot') {
    take(fromSnapshot(frame, now), now);
    lineQualities.value = known(new Map(), frame.quality ?? {}, calls());
    return 'applied';
  }
  if (board.value === null) return 'gap';
  const changed = applyChange(board.value, frame);
  if (changed === 'gap') return 'gap';
  take(changed, now);
  if (frame.calls || frame.removed) lineQualities.value = known(lineQualities.peek(), {}, calls());
  return 'applied';
}

export function receiveQuality(frame: Quality): void {
  lineQualities.value = known(lineQualities.peek(), frame.calls, calls());
}

function calls(): Board['calls'] {
  return board.peek()?.calls ?? new Map();
}

function take(next: Board, now: number): void {
  board.value = next;
  livekit.value = after(livekit.peek(), next.health, now);
  // A live show stays on the desk until it ends or another is chosen, whatever else goes live.
  const here = episode.peek();
  if (here?.status === 'live') chooseEpisode(here.id);
}

export function chooseEpisode(id: string): void {
  if (chosenEpisodeId.peek() === id) return;
  chosenEpisodeId.value = id;
  sessionStorage.setItem('episode', id);
}

/** Signing out leaves nothing of the last operator's board behind. */
export function forget(): void {
  board.value = null;
  livekit.value = { at: 'well' };
  silenceMeters();
  lineQualities.value = new Map();
  chosenCallId.value = null;
}

/** Takes a frame of levels; without one, lets those go that were not renewed. */
export function receiveLevels(frame: Levels | null, now: number): void {
  takeLoudness(frame?.loudness, now);
  if (frame === null && meters.length === 0 && Object.keys(heldPeaks).length === 0) return;
  meters = metered(meters, frame, now);
  levels.value = levelsOf(meters);
  heldPeaks = withPeaks(heldPeaks, frame?.peaks ?? {}, now);
  peaks.value = Object.fromEntries(Object.entries(heldPeaks).map(([key, peak]) => [key, peakAt(peak, now)]));
}

/** Each media thread tells of its own shows. What is no longer renewed is silent; what was integrated stands. */
function takeLoudness(measured: Levels['loudness'], now: number): void {
  if (measured !== undefined) {
    loudnessAt = now;
    programs.value = { ...programs.peek(), ...measured };
  } else if (loudnessAt !== 0 && now - loudnessAt > LOUDNESS_KEPT_MS) {
    loudnessAt = 0;
    programs.value = silenced(programs.peek());
  }
}

export function silenceMeters(): void {
  meters = [];
  levels.value = SILENCE;
  heldPeaks = {};
  peaks.value = {};
  programs.value = NO_PROGRAM;
}

function pick<T>(list: (board: Board, on: Episode) => T[]): T[] {
  return board.value && episode.value ? list(board.value, episode.value) : [];
}
