-- The ledger of consents: whom we called must be told before they are put on air (47 CFR 73.1206).
-- Rows are added, never changed; the latest of a call counts.
-- The SQLite migration of the same name makes the same table: change both together.

CREATE TABLE consents (
    -- No cascade: a call with a consent on record is not deleted by the way.
    call_id TEXT NOT NULL REFERENCES calls (id),
    -- Counts the entries of the call, from 1.
    entry INTEGER NOT NULL,
    caller_id TEXT NOT NULL REFERENCES callers (id),
    recorded_at BIGINT NOT NULL,
    given BOOLEAN NOT NULL,
    -- No reference: operators who sign in through an identity provider have no row here.
    operator_id TEXT NOT NULL,
    operator_name TEXT NOT NULL,
    -- What they were told.
    notice TEXT NOT NULL,
    PRIMARY KEY (call_id, entry)
);
CREATE INDEX consents_by_caller ON consents (caller_id, recorded_at);

-- With no policy, a role other than the owner sees no row, whatever it was granted.
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
