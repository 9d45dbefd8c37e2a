-- Ids are 26 characters of Crockford's base 32; times are milliseconds since 1970-01-01T00:00:00Z.
-- The SQLite migration of the same name makes the same tables: change both together.

CREATE TABLE shows (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    next_policy TEXT NOT NULL CHECK (next_policy IN ('drop', 'hold')),
    is_first BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE show_numbers (
    number TEXT PRIMARY KEY NOT NULL,
    show_id TEXT NOT NULL REFERENCES shows (id) ON DELETE CASCADE,
    position INTEGER NOT NULL
);
CREATE INDEX show_numbers_by_show ON show_numbers (show_id, position);

CREATE TABLE episodes (
    id TEXT PRIMARY KEY NOT NULL,
    show_id TEXT NOT NULL REFERENCES shows (id),
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('scheduled', 'live', 'ended')),
    lines_open BOOLEAN NOT NULL,
    busy_all BOOLEAN NOT NULL,
    scheduled_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    -- Call ids as a JSON array, first to be taken first. No reference: an order may outlive its
    -- calls.
    hold_order TEXT NOT NULL,
    next_call TEXT
);
CREATE INDEX episodes_by_show ON episodes (show_id, number);
CREATE INDEX episodes_not_ended ON episodes (show_id) WHERE status <> 'ended';

CREATE TABLE callers (
    id TEXT PRIMARY KEY NOT NULL,
    -- Withheld numbers are NULL, each a caller of its own.
    number TEXT UNIQUE,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    email TEXT NOT NULL,
    notes TEXT NOT NULL,
    blocked BOOLEAN NOT NULL,
    vip BOOLEAN NOT NULL,
    first_call_at BIGINT NOT NULL,
    last_call_at BIGINT NOT NULL,
    total_calls INTEGER NOT NULL
);

CREATE TABLE calls (
    id TEXT PRIMARY KEY NOT NULL,
    show_id TEXT REFERENCES shows (id),
    episode_id TEXT REFERENCES episodes (id),
    caller_id TEXT NOT NULL REFERENCES callers (id),
    from_number TEXT,
    dialled TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'screening', 'on-hold', 'on-air', 'completed')),
    room_name TEXT,
    point TEXT NOT NULL,
    notes TEXT NOT NULL,
    priority INTEGER NOT NULL,
    screener_id TEXT,
    screener_name TEXT,
    muted BOOLEAN NOT NULL,
    queued_at BIGINT NOT NULL,
    answered_at BIGINT,
    screening_at BIGINT,
    held_at BIGINT,
    on_air_at BIGINT,
    first_on_air_at BIGINT,
    ended_at BIGINT,
    -- Turns on air that are over, to the millisecond; the next two are for people who read the
    -- table.
    on_air_ms_before BIGINT NOT NULL,
    on_air_seconds BIGINT NOT NULL,
    duration_seconds BIGINT,
    -- The label of the log and the metric, the sentence, and the operator who dropped the call.
    cause TEXT,
    cause_text TEXT,
    cause_by TEXT,
    twilio_call_sid TEXT UNIQUE,
    sip_call_id TEXT,
    -- What RTCP and the jitter buffer measured, as JSON.
    quality TEXT
);
CREATE INDEX calls_by_episode ON calls (episode_id, queued_at);
CREATE INDEX calls_by_caller ON calls (caller_id, queued_at);
CREATE INDEX calls_by_time ON calls (queued_at);
CREATE INDEX calls_open ON calls (queued_at) WHERE status <> 'completed';

CREATE TABLE call_events (
    id TEXT PRIMARY KEY NOT NULL,
    call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    happened_at BIGINT NOT NULL,
    what TEXT NOT NULL,
    -- No reference: operators who sign in through an identity provider have no row here.
    operator_id TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX call_events_by_call ON call_events (call_id, happened_at);

CREATE TABLE operators (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    -- The name in lower case by Unicode's rules, folded before it gets here: the two databases
    -- disagree on lower().
    name_folded TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL
        CHECK (role IN ('admin', 'host', 'co-host', 'producer', 'screener', 'viewer')),
    password_hash TEXT,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- With no policy, a role other than the owner sees no row of these, whatever it was granted.
ALTER TABLE callers ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE operators ENABLE ROW LEVEL SECURITY;
