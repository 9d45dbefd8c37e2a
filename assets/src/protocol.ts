/**
 * The dashboard protocol as types: what the switch sends over `/ws`, what it takes.
 * The words and rules are those of docs/websocket.md. Times are milliseconds since 1970 by the switch's clock.
 */

export type Role = 'admin' | 'host' | 'co-host' | 'producer' | 'screener' | 'viewer';
export const ROLES: readonly Role[] = ['admin', 'host', 'co-host', 'producer', 'screener', 'viewer'];

export type CallStatus = 'queued' | 'screening' | 'on-hold' | 'on-air' | 'completed';
export type NextPolicy = 'drop' | 'hold';

export interface Operator {
  id: string;
  name: string;
  role: Role;
}

export interface You {
  operatorId: string;
  name: string;
  role: Role;
}

export interface Show {
  id: string;
  name: string;
  slug: string;
  phoneNumbers: string[];
  nextPolicy: NextPolicy;
  /** What is read out to whom this show calls, before they are put on air. */
  consentNotice: string;
}

export interface Episode {
  id: string;
  showId: string;
  number: number;
  title: string;
  status: 'scheduled' | 'live' | 'ended';
  linesOpen: boolean;
  /** New calls get busy although the lines are open. */
  busyAll: boolean;
  /** Callers go down while a host speaks. */
  ducking: boolean;
  scheduledAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  screeningRoomPrefix: string;
  liveRoom: string;
  holdRoom: string;
}

export interface Call {
  id: string;
  showId: string | null;
  episodeId: string | null;
  callerId: string | null;
  from: string | null;
  name: string | null;
  location: string | null;
  point: string | null;
  notes: string | null;
  callerNotes: string | null;
  status: CallStatus;
  ringing: boolean;
  roomName: string | null;
  heldBy: string | null;
  heldByName: string | null;
  next: boolean;
  position: number | null;
  muted: boolean;
  /** How far the desk turned them up or down. */
  gainDb: number;
  /** Noise is taken out of their line while they are on air. */
  denoise: boolean;
  priority: number | string | null;
  queuedAt: number | null;
  answeredAt: number | null;
  screeningAt: number | null;
  heldAt: number | null;
  onAirAt: number | null;
  firstOnAirAt: number | null;
  onAirSeconds: number | null;
  endedAt: number | null;
  duration: number | null;
  cause: string | null;
  causeText: string | null;
  twilioCallSid: string | null;
  sipCallId: string | null;
  direction: string | null;
  /** When they were told that they will be on air; whom we called is not aired before. */
  consentAt: number | null;
  consentBy: string | null;
  /** What the line was like, once the call is over. */
  quality?: CallQuality | null;
  /** Where the call is being passed on to. */
  transferTo: string | null;
  timesCalled: number | null;
  lastCalledAt: number | null;
  vip: boolean;
  blocked: boolean;
}

/** What a line was like in all: the figures that are there in every call. */
export interface CallQuality {
  mosMin?: number | null;
  mosMean?: number | null;
  lossPercent?: number;
  jitterMs?: number;
  rttMs?: number | null;
}

/** What a line is like now. */
export interface LineQuality {
  level: 'good' | 'fair' | 'bad';
  /** It has been bad for so long that the caller had better call again. */
  askToCallBack: boolean;
  mos: number;
  lossPercent: number;
  jitterMs: number;
  rttMs: number | null;
  /** What the far end says of what it hears. */
  farMos: number | null;
  farLossPercent: number | null;
  farJitterMs: number | null;
}

export interface Presence {
  operatorId: string;
  name: string;
  role: Role;
  connected: boolean;
  inRoom: string | null;
}

export interface Health {
  status: 'ok' | 'degraded' | 'down';
  sip: string;
  database: 'ok' | 'behind' | 'down';
  sipTls?: 'off' | 'ok' | 'expiring' | 'expired' | 'not-renewed';
  sipTlsExpires?: number | null;
  livekit: 'embedded' | 'ok' | 'lost';
  livekitLostSince: number | null;
  calls: number;
  notes: string[];
  /** Why new calls are sent away; null while they are taken. */
  refusing: {
    why: 'shutting-down' | 'drained' | 'overloaded';
    text: string;
    /** Calls that are up may go on until then. */
    until: number | null;
    strains: string[];
  } | null;
}

export interface Limits {
  lobby: number;
  hold: number;
  live: number;
}

export interface CallsOut {
  /** Why no call can be made; null when calls can be made. */
  offBecause: string | null;
  /** Names that `transfer` takes. */
  helpLines: string[];
}

export interface Mixing {
  /** LUFS. */
  loudnessTarget: number;
  /** How far callers go down under the hosts, in dB; 0: never. */
  duckDb: number;
  /** How far a caller can be turned up or down, in dB. */
  gainDbMax: number;
}

export interface Snapshot {
  type: 'snapshot';
  seq: number;
  serverTime: number;
  you: You;
  shows: Show[];
  episodes: Episode[];
  calls: Call[];
  operators: Presence[];
  health: Health;
  limits: Limits;
  callsOut: CallsOut;
  mixing: Mixing;
  /** By call, where it is known. */
  quality?: Record<string, LineQuality>;
}

export interface Change {
  type: 'change';
  seq: number;
  shows?: Show[];
  episodes?: Episode[];
  calls?: Call[];
  /** New places in a queue, by call: of calls of which nothing else changed. */
  positions?: Record<string, number>;
  operators?: Presence[];
  health?: Health;
  removed?: { shows?: string[]; episodes?: string[]; calls?: string[] };
}

export interface Levels {
  type: 'levels';
  calls: Record<string, number>;
  people: Record<string, number>;
  /** By episode. */
  program: Record<string, number>;
  /** The highest sample of each of the above, by the same names. */
  peaks: Record<string, number>;
  /** By episode; in every second frame. */
  loudness?: Record<string, ProgramLoudness>;
}

/** By EBU R 128; -70 is silence. */
export interface ProgramLoudness {
  momentary: number;
  shortTerm: number;
  integrated: number;
  truePeak: number;
  /** How far callers are down under the hosts now, in dB. */
  ducked: number;
}

/** What lines are like: when that changes, and every few seconds. */
export interface Quality {
  type: 'quality';
  calls: Record<string, LineQuality>;
}

export interface Ack {
  type: 'ack';
  id: number;
  result?: unknown;
}

export interface RefusedFrame {
  type: 'refused';
  id: number;
  status: number;
  detail: string;
}

export interface Notice {
  type: 'notice';
  level: 'info' | 'warning';
  text: string;
}

export type ServerFrame = Snapshot | Change | Levels | Quality | Ack | RefusedFrame | Notice;

/** The card as an operator writes it; absent fields stay as they are. */
export interface CardFields {
  name?: string;
  location?: string;
  point?: string;
  notes?: string;
  callerNotes?: string;
  vip?: boolean;
}

/** Every command with the fields it takes. */
export interface Commands {
  'pick-up': { callId: string };
  'pick-up-next': { episodeId: string };
  approve: { callId: string; next?: boolean };
  'back-to-lobby': { callId: string };
  'update-card': { callId: string } & CardFields;
  'set-next': { callId: string; next: boolean };
  reorder: { callId: string; before: string | null };
  'put-on-air': { callId: string };
  'put-on-hold': { callId: string };
  next: { episodeId: string };
  'set-muted': { callId: string; muted: boolean };
  'set-gain': { callId: string; gainDb: number };
  'set-denoise': { callId: string; denoise: boolean };
  drop: { callId: string };
  'block-caller': { callId: string };
  dial: { episodeId: string; number: string; name?: string; point?: string };
  'call-back': { callId: string };
  'record-consent': { callId: string };
  'withdraw-consent': { callId: string };
  transfer: { callId: string; target: string };
  'start-show': { episodeId: string };
  'end-show': { episodeId: string };
  'open-lines': { episodeId: string };
  'close-lines': { episodeId: string };
  'busy-all': { episodeId: string; busy: boolean };
  'set-ducking': { episodeId: string; ducking: boolean };
  'reset-loudness': { episodeId: string };
  'room-token': { room: string };
}

export type CommandName = keyof Commands;

const FRAME_TYPES = new Set(['snapshot', 'change', 'levels', 'quality', 'ack', 'refused', 'notice']);

/** One text frame as a typed one, or null when it is nothing this client knows. */
export function parseFrame(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame !== 'object' || frame === null || !('type' in frame)) return null;
    return typeof frame.type === 'string' && FRAME_TYPES.has(frame.type) ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}
