/** Entities for the tests: plausible ones, changed where a test cares. */
import type { Call, Change, Episode, Snapshot } from './protocol';

export function call(id: string, fields: Partial<Call> = {}): Call {
  return {
    id,
    showId: 'show',
    episodeId: 'episode',
    callerId: `caller-of-${id}`,
    from: '+15551234567',
    name: null,
    location: null,
    point: null,
    notes: null,
    callerNotes: null,
    status: 'queued',
    ringing: false,
    roomName: 'lobby',
    heldBy: null,
    heldByName: null,
    next: false,
    position: null,
    muted: false,
    gainDb: 0,
    denoise: false,
    priority: null,
    queuedAt: 1_000,
    answeredAt: 1_000,
    screeningAt: null,
    heldAt: null,
    onAirAt: null,
    firstOnAirAt: null,
    onAirSeconds: 0,
    endedAt: null,
    duration: null,
    cause: null,
    causeText: null,
    twilioCallSid: null,
    sipCallId: null,
    direction: 'inbound',
    consentAt: null,
    consentBy: null,
    transferTo: null,
    timesCalled: 1,
    lastCalledAt: null,
    vip: false,
    blocked: false,
    ...fields,
  };
}

export function episode(fields: Partial<Episode> = {}): Episode {
  return {
    id: 'episode',
    showId: 'show',
    number: 7,
    title: 'Seven',
    status: 'live',
    linesOpen: true,
    busyAll: false,
    ducking: true,
    scheduledAt: null,
    startedAt: 0,
    endedAt: null,
    screeningRoomPrefix: 'screening-episode-',
    liveRoom: 'live-episode',
    holdRoom: 'hold-episode',
    ...fields,
  };
}

export function snapshot(calls: Call[], fields: Partial<Snapshot> = {}): Snapshot {
  return {
    type: 'snapshot',
    seq: 41,
    serverTime: 10_000,
    you: { operatorId: 'ada', name: 'Ada', role: 'screener' },
    shows: [{ id: 'show', name: 'Show', slug: 'show', phoneNumbers: [], nextPolicy: 'drop', consentNotice: 'You will be on air on Show.' }],
    episodes: [episode()],
    calls,
    operators: [],
    health: {
      status: 'ok',
      sip: 'ok',
      database: 'ok',
      livekit: 'embedded',
      livekitLostSince: null,
      calls: calls.length,
      notes: [],
      refusing: null,
    },
    limits: { lobby: 100, hold: 50, live: 20 },
    callsOut: { offBecause: null, helpLines: ['Lifeline'] },
    mixing: { loudnessTarget: -16, duckDb: 9, gainDbMax: 20 },
    ...fields,
  };
}

export function change(seq: number, fields: Omit<Change, 'type' | 'seq'>): Change {
  return { type: 'change', seq, ...fields };
}
