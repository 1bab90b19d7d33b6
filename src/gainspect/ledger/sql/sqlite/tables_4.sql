-- Who may sign in, and what they hold. It is beside the tree: of what it says, the facts of the plant are records.
CREATE TABLE ledger_accounts (
    actor      TEXT PRIMARY KEY,
    sign_in    TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    password   TEXT NOT NULL,
    disabled   INTEGER NOT NULL
);

CREATE TABLE ledger_invitations (
    hash       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    actor      TEXT,
    invited_by TEXT,
    first      INTEGER NOT NULL,
    expires    TEXT NOT NULL,
    used_by    TEXT
);

CREATE TABLE ledger_sessions (
    hash       TEXT PRIMARY KEY,
    actor      TEXT NOT NULL,
    begun      TEXT NOT NULL,
    used       TEXT NOT NULL
);

CREATE INDEX ledger_sessions_actor ON ledger_sessions (actor);

CREATE TABLE ledger_devices (
    hash       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    used       TEXT NOT NULL,
    PRIMARY KEY (hash, actor)
);

CREATE TABLE ledger_tokens (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    station    TEXT NOT NULL,
    made       TEXT NOT NULL,
    used       TEXT,
    revoked    TEXT
);

CREATE TABLE ledger_attempts (
    origin     TEXT PRIMARY KEY,
    failures   INTEGER NOT NULL,
    last       TEXT NOT NULL
);

CREATE TABLE ledger_claims (
    decision   TEXT PRIMARY KEY,
    actor      TEXT NOT NULL,
    until      TEXT NOT NULL
);
