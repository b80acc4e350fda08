"""The two files' tables. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import Final

INBOX_FORMAT: Final = 1
LEDGER_FORMAT: Final = 2

INBOX_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- AUTOINCREMENT: plain row ids start again once retention has emptied the table, and the ledger's
-- position would then skip new mail.
CREATE TABLE message (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  webhook TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  visible_at INTEGER NOT NULL,
  head BLOB NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX message_of_webhook ON message (webhook, n);

-- How many were ever sent: depth is this less what the ledger has passed, at any backlog.
CREATE TABLE sent (webhook TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID;

-- A ring: k only grows, and what is REFUSALS_KEPT behind it goes.
CREATE TABLE refusal (
  k INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  webhook TEXT,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  remote TEXT NOT NULL,
  status INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  headers BLOB NOT NULL,
  body BLOB NOT NULL
);

-- Events per minute, for rates.
CREATE TABLE tally (
  minute INTEGER NOT NULL, webhook TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, webhook, outcome)
) WITHOUT ROWID;
"""

# delivery.state
LIVE: Final = 0
DONE: Final = 1
DEAD: Final = 2
PURGED: Final = 3

_LEDGER: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- position: every message of the webhook up to this n has a row in delivery, or had one.
-- passed: how many those are. A webhook that left the definition keeps its row: its messages stay
-- where they are, expire by its numbers, and go on if it comes back.
CREATE TABLE queue (
  webhook TEXT PRIMARY KEY,
  position INTEGER NOT NULL DEFAULT 0,
  passed INTEGER NOT NULL DEFAULT 0,
  retention INTEGER NOT NULL,
  dead_retention INTEGER NOT NULL,
  max_receive_count INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- state: 0 live, 1 done, 2 dead, 3 purged. A live row is leased while visible_at is ahead and it has
-- a token. since: when its retention began (received, or redriven).
CREATE TABLE delivery (
  n INTEGER PRIMARY KEY,
  webhook TEXT NOT NULL,
  state INTEGER NOT NULL,
  visible_at INTEGER NOT NULL,
  receive_count INTEGER NOT NULL,
  token INTEGER,
  holder TEXT,
  alone INTEGER NOT NULL DEFAULT 0,
  since INTEGER NOT NULL,
  finished_at INTEGER,
  duplicate_of TEXT
);
CREATE INDEX delivery_live ON delivery (webhook, visible_at, since) WHERE state = 0;
CREATE INDEX delivery_finished ON delivery (webhook, finished_at) WHERE state IN (1, 3);

-- error: that of the last attempt, to search by; the rest of it is with the attempts. since: when
-- its retention began (died, or no longer parked).
CREATE TABLE dead (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  webhook TEXT NOT NULL,
  reason TEXT NOT NULL,
  error TEXT,
  at INTEGER NOT NULL,
  superseded_by INTEGER,
  fingerprint TEXT,
  parked_at INTEGER,
  since INTEGER
);
CREATE TABLE attempt (
  n INTEGER NOT NULL, k INTEGER NOT NULL,
  error TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
  attempt INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (n, k)
) WITHOUT ROWID;

-- Which message works a delivery id, and which dead letters it took the id over from. done_id, until:
-- the message was done and is removed, its delivery is remembered a while longer.
CREATE TABLE claim (
  webhook TEXT NOT NULL, delivery_id TEXT NOT NULL, n INTEGER NOT NULL,
  done_id TEXT, until INTEGER,
  PRIMARY KEY (webhook, delivery_id)
) WITHOUT ROWID;
CREATE INDEX claim_of_message ON claim (n);
CREATE INDEX claim_remembered ON claim (until) WHERE until IS NOT NULL;
CREATE TABLE yielded (n INTEGER PRIMARY KEY, webhook TEXT NOT NULL, delivery_id TEXT NOT NULL);
CREATE INDEX yielded_of_delivery ON yielded (webhook, delivery_id);

CREATE TABLE execution (
  k INTEGER PRIMARY KEY,
  n INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  status TEXT NOT NULL,
  error TEXT, cause TEXT, state TEXT,
  history BLOB NOT NULL
);
CREATE INDEX execution_of_message ON execution (n);

CREATE TABLE tally (
  minute INTEGER NOT NULL, webhook TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, webhook, outcome)
) WITHOUT ROWID;
"""

LEDGER_DESK: Final = """
CREATE INDEX dead_of_webhook ON dead (webhook, at, parked_at);
CREATE INDEX dead_resting ON dead (webhook, since) WHERE parked_at IS NULL;
-- Holds all that the groups are counted from.
CREATE INDEX dead_of_group ON dead (fingerprint, id, at, parked_at);

-- Each time that a dead letter was sent back, and by which run.
CREATE TABLE redrive (
  k INTEGER PRIMARY KEY,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  run TEXT,
  reason TEXT NOT NULL,
  died_at INTEGER NOT NULL
);
CREATE INDEX redrive_of_message ON redrive (n);
CREATE INDEX redrive_of_run ON redrive (run, n, at) WHERE run IS NOT NULL;

-- What the tasks of each state came to, per minute; and how many each process runs at this moment.
CREATE TABLE state_tally (
  minute INTEGER NOT NULL, webhook TEXT NOT NULL, state TEXT NOT NULL,
  succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, milliseconds REAL NOT NULL,
  PRIMARY KEY (minute, webhook, state)
) WITHOUT ROWID;
CREATE TABLE state_running (
  holder TEXT NOT NULL, webhook TEXT NOT NULL, state TEXT NOT NULL,
  running INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (holder, webhook, state)
) WITHOUT ROWID;
"""
"""What format 2 has more than format 1, in a new ledger and in an old one."""

LEDGER_SCHEMA: Final = _LEDGER + LEDGER_DESK

LEDGER_UPGRADES: Final = {
    1: """
ALTER TABLE dead ADD COLUMN fingerprint TEXT;
ALTER TABLE dead ADD COLUMN parked_at INTEGER;
ALTER TABLE dead ADD COLUMN since INTEGER;
UPDATE dead SET since = at;
DROP INDEX dead_of_webhook;
"""
    + LEDGER_DESK
}
"""From each earlier format to the next."""

DESK_FORMAT: Final = 1
DESK_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE run (
  id TEXT PRIMARY KEY,
  webhooks TEXT NOT NULL,
  active INTEGER NOT NULL,
  owner TEXT NOT NULL,
  beat_at INTEGER NOT NULL,
  document BLOB NOT NULL,
  asked TEXT
) WITHOUT ROWID;

-- One active run per webhook, at most.
CREATE TABLE run_on (webhook TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE act (
  k INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  operator TEXT NOT NULL,
  via TEXT NOT NULL,
  action TEXT NOT NULL,
  webhook TEXT,
  target TEXT,
  detail BLOB NOT NULL
);
CREATE TRIGGER act_stays BEFORE UPDATE ON act
  BEGIN SELECT raise(ABORT, 'what was done is never rewritten'); END;
CREATE TRIGGER act_remains BEFORE DELETE ON act
  BEGIN SELECT raise(ABORT, 'what was done is never removed'); END;
"""
