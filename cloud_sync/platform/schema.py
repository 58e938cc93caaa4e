"""The tables of the ledger: what was received, and the projection that is made from it.

The received tables are the truth and only grow. The projection tables can be dropped and made
again from the entries at any time; they are what the page, the reports and `show` read.
Columns of the kind `_ms` and `_s` are UTC; register words, channels and other lists are JSON texts.
"""

# What was received. A chain is what one start of a gateway's daemon wrote (its incarnation);
# its first entry links to `parent_link`, the last entry of the journal before.
RECEIVED = """
CREATE TABLE gateway (
    name TEXT NOT NULL,
    key_id BLOB NOT NULL,
    public_key TEXT NOT NULL,           -- PEM; kept when the key is no longer enrolled, since old batches need it
    PRIMARY KEY (name, key_id)
) STRICT;
CREATE TABLE chain (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    parent_link BLOB NOT NULL,
    head_sequence INTEGER NOT NULL,     -- the last entry; nothing is missing up to it
    head_link BLOB NOT NULL,
    branch INTEGER NOT NULL,            -- 1 where it leaves another chain before its end: a card that was set back
    opened INTEGER NOT NULL,            -- order of first arrival, over all chains
    PRIMARY KEY (gateway, incarnation)
) STRICT;
CREATE TABLE batch (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    bucket TEXT NOT NULL,               -- of the topic it came on, which is part of what was signed
    received_ms INTEGER NOT NULL,
    signed BLOB NOT NULL,
    PRIMARY KEY (gateway, incarnation, first_sequence, last_sequence)
) STRICT;
CREATE TABLE hole (                     -- entries that the gateway declared as set aside: they have no bodies here
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    previous_link BLOB NOT NULL,
    link BLOB NOT NULL,
    links BLOB NOT NULL,                -- of all of them, one after the other
    PRIMARY KEY (gateway, incarnation, last_sequence)
) STRICT;
CREATE TABLE held (                     -- verified batches that wait for those before them
    number INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    previous_link BLOB NOT NULL,
    bucket TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    signed BLOB NOT NULL,
    UNIQUE (gateway, incarnation, first_sequence)
) STRICT;
CREATE TABLE early (                    -- intervals in held batches: shown, and counted only in their turn
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    energies TEXT NOT NULL,             -- JSON: {meter point: [import_wh, export_wh, flag]}
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE entry (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    link BLOB NOT NULL,
    body BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    projected INTEGER NOT NULL,         -- order of acceptance, over all gateways; the projection is made in it
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE UNIQUE INDEX entry_projected ON entry (projected);
CREATE INDEX entry_sequence ON entry (gateway, sequence);
CREATE TABLE receipt (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    through_sequence INTEGER NOT NULL,
    bucket TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    signed BLOB NOT NULL,
    PRIMARY KEY (gateway, incarnation, through_sequence)
) STRICT;
CREATE TABLE cosigned (                 -- checkpoints that the platform put its name to, in that order
    number INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,          -- of the Checkpoint entry; the tree is over the entries before it
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    link BLOB NOT NULL,                 -- of the last entry of the tree
    peaks BLOB NOT NULL,                -- what the tree is grown on from: its perfect trees' roots, the largest first
    note BLOB NOT NULL,                 -- the text with the cosignature
    UNIQUE (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE contradiction (            -- checkpoints that the platform did not put its name to, and why
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    reason TEXT NOT NULL,               -- root, history, missing
    cosigned INTEGER NOT NULL,          -- size of the cosigned checkpoint it contradicts, 0 where there is none
    found_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE clearance (                -- what a person looked into: contradictions and clones up to then are settled
    number INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    cosigned INTEGER NOT NULL,          -- the last row of `cosigned` then: what comes need not continue it
    projected INTEGER NOT NULL          -- the last entry accepted then
) STRICT;
CREATE TABLE clone (                    -- one key in two places: the younger chain is refused until it is cleared
    gateway TEXT NOT NULL PRIMARY KEY,
    kept BLOB NOT NULL,                 -- incarnation that may go on
    refused BLOB NOT NULL,
    found_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE set_aside (
    number INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL,              -- as the topic names it; the batch itself may be a lie
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,             -- how often the same bytes came
    digest BLOB NOT NULL,               -- names the bytes, as the refusal does
    raw BLOB NOT NULL,
    UNIQUE (gateway, digest)
) STRICT;
"""

# The names of the projection's tables, each with the columns that order it for comparison.
PROJECTION_TABLES = {
    "config": "gateway, incarnation, sequence",
    "point": "gateway, name",
    "interval": "gateway, start_s",
    "span": "gateway, start_s, meter, quantity",
    "energy": "gateway, start_s, meter_point",
    "allocation": "gateway, start_s, end_s, method, source, sink",
    "residual": "gateway, start_s, busbar, source",
    "tally": "gateway, start_s, end_s, method, factor_set, meter_point",
    "basis": "gateway, start_s, end_s, method",
    "pool": "gateway, start_s, storage, origin",
    "self_use": "gateway, start_s",
    "amended": "gateway, start_s, meter_point, incarnation, sequence",
    "event": "gateway, incarnation, sequence",
    "anchor": "gateway, incarnation, sequence",
    "live": "gateway, meter, quantity",
    "conflict": "gateway, incarnation, sequence",
    "unread": "gateway, incarnation, sequence",
    "checkpoint": "gateway, incarnation, sequence",
    "run": "gateway, incarnation",
    "composed": "gateway, start_s",
}

PROJECTION = """
CREATE TABLE config (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    site TEXT NOT NULL,                 -- the TOML text of gateway.toml as applied
    channels TEXT NOT NULL,             -- JSON [[meter, quantity], ...], the order of the columns of readings
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE point (
    gateway TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    meter TEXT NOT NULL,
    busbar TEXT NOT NULL,
    to_busbar TEXT NOT NULL,
    origin TEXT NOT NULL,
    current INTEGER NOT NULL,           -- 0 where the newest configuration no longer has it
    PRIMARY KEY (gateway, name)
) STRICT;
CREATE TABLE interval (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    account INTEGER,                    -- sequence of its Account entry; NULL until that has come
    complete_ppm INTEGER NOT NULL,
    root BLOB NOT NULL,
    boot BLOB NOT NULL,                 -- the stamp of its closing
    monotonic_ms INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    status TEXT NOT NULL,               -- U, I, S, R
    bound_ms INTEGER NOT NULL,
    placed INTEGER NOT NULL,            -- 1: its time is known, by stamp or anchor; 0: not; -1: the clock moved in it
    PRIMARY KEY (gateway, start_s)
) STRICT;
CREATE INDEX interval_boot ON interval (gateway, boot) WHERE placed = 0;
CREATE TABLE anchor (
    gateway TEXT NOT NULL,
    boot BLOB NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    bound_ms INTEGER NOT NULL,
    source TEXT NOT NULL,               -- kernel, receipt
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE INDEX anchor_boot ON anchor (gateway, boot);
CREATE TABLE span (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    meter TEXT NOT NULL,
    quantity TEXT NOT NULL,
    start_words TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_words TEXT NOT NULL,
    end_ms INTEGER NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    energy_wh INTEGER NOT NULL,
    flag TEXT NOT NULL,
    PRIMARY KEY (gateway, start_s, meter, quantity)
) STRICT;
CREATE INDEX span_register ON span (gateway, meter, quantity, start_s);
CREATE TABLE energy (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    meter_point TEXT NOT NULL,
    import_wh INTEGER NOT NULL,
    export_wh INTEGER NOT NULL,
    flag TEXT NOT NULL,
    PRIMARY KEY (gateway, start_s, meter_point)
) STRICT;
CREATE TABLE allocation (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    method TEXT NOT NULL,
    source TEXT NOT NULL,
    sink TEXT NOT NULL,
    wh INTEGER NOT NULL,
    PRIMARY KEY (gateway, start_s, end_s, method, source, sink)
) STRICT;
CREATE TABLE residual (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    busbar TEXT NOT NULL,
    source TEXT NOT NULL,
    wh INTEGER NOT NULL,
    PRIMARY KEY (gateway, start_s, busbar, source)
) STRICT;
CREATE TABLE tally (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    method TEXT NOT NULL,
    factor_set TEXT NOT NULL,
    meter_point TEXT NOT NULL,
    wh INTEGER NOT NULL,
    green_wh INTEGER NOT NULL,
    carbon_ug INTEGER NOT NULL,
    by_origin TEXT NOT NULL,            -- JSON {origin: wh}
    factors TEXT NOT NULL,              -- JSON [id, ...]
    PRIMARY KEY (gateway, start_s, end_s, method, factor_set, meter_point)
) STRICT;
CREATE TABLE basis (                    -- what all tallies of one record rest on
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    method TEXT NOT NULL,
    switches TEXT NOT NULL,             -- JSON ["name=choice", ...]
    configuration TEXT NOT NULL,        -- hex of the first 16 bytes of the SHA-256 of the Config entry's body
    entries TEXT NOT NULL,              -- JSON [sequence, ...] of those that hold the registers; a park has none itself
    PRIMARY KEY (gateway, start_s, end_s, method)
) STRICT;
CREATE TABLE pool (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,             -- what the storage held at the end of this interval
    storage TEXT NOT NULL,
    origin TEXT NOT NULL,
    wh INTEGER NOT NULL,
    PRIMARY KEY (gateway, start_s, storage, origin)
) STRICT;
CREATE TABLE self_use (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (gateway, start_s)
) STRICT;
CREATE TABLE amended (
    gateway TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    meter_point TEXT NOT NULL,
    sequence INTEGER NOT NULL,          -- of the Amendment entry
    incarnation BLOB NOT NULL,
    import_wh INTEGER NOT NULL,         -- what was there before it
    export_wh INTEGER NOT NULL,
    flag TEXT NOT NULL,
    PRIMARY KEY (gateway, start_s, meter_point, incarnation, sequence)
) STRICT;
CREATE TABLE event (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    details TEXT NOT NULL,              -- JSON {name: text}
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE live (
    gateway TEXT NOT NULL,
    meter TEXT NOT NULL,
    quantity TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (gateway, meter, quantity)
) STRICT;
CREATE TABLE conflict (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    kind TEXT NOT NULL,                 -- interval, account, self-use, amendment
    reason TEXT NOT NULL,
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE checkpoint (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    cosigned INTEGER NOT NULL,          -- size of the last cosigned checkpoint that the gateway had
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
CREATE TABLE run (                      -- when a chain was written, by the gateway's own clock
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, incarnation)
) STRICT;
CREATE TABLE unread (
    gateway TEXT NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (gateway, incarnation, sequence)
) STRICT;
"""

# Parks of several gateways. A park's own figures stand in the tables of the projection under the name "park/<name>",
# which no gateway can have. What changes the energies of a gateway is noted in `changed`, whatever changes them.
COMPOSITION = """
CREATE TABLE park (
    name TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL,                 -- JSON of park.toml: gateways and what storages held at the start
    due_s INTEGER,                      -- from here on it must be composed again; NULL where nothing waits
    until_s INTEGER NOT NULL            -- up to here energies have changed since
) STRICT;
CREATE TABLE changed (
    gateway TEXT NOT NULL PRIMARY KEY,
    start_s INTEGER NOT NULL,
    until_s INTEGER NOT NULL
) STRICT;
CREATE TABLE composed (
    gateway TEXT NOT NULL,              -- "park/<name>"
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    state TEXT NOT NULL,                -- whole, partial (some gateway's interval is missing), refused
    missing TEXT NOT NULL,              -- JSON [gateway, ...]
    problems TEXT NOT NULL,             -- JSON [[code, where, what, hint, {name: value}], ...]: why it was refused
    pools TEXT NOT NULL,                -- JSON [[storage, [[since_s, [[origin, wh], ...]], ...]], ...] at its end
    PRIMARY KEY (gateway, start_s)
) STRICT;
CREATE TRIGGER energy_came AFTER INSERT ON energy WHEN instr(new.gateway, '/') = 0 BEGIN
    INSERT INTO changed VALUES (new.gateway, new.start_s, new.end_s) ON CONFLICT (gateway) DO UPDATE SET
        start_s = min(start_s, excluded.start_s), until_s = max(until_s, excluded.until_s);
END;
CREATE TRIGGER interval_placed AFTER UPDATE OF placed ON interval
WHEN new.placed <> old.placed AND instr(new.gateway, '/') = 0 BEGIN
    INSERT INTO changed VALUES (new.gateway, new.start_s, new.end_s) ON CONFLICT (gateway) DO UPDATE SET
        start_s = min(start_s, excluded.start_s), until_s = max(until_s, excluded.until_s);
END;
CREATE TRIGGER config_came AFTER INSERT ON config BEGIN
    INSERT INTO changed VALUES (new.gateway, 9223372036854775807, 0) ON CONFLICT (gateway) DO NOTHING;
END;
"""

# Keys that handed over to another, as they announced it themselves in the chain.
HANDOVER = """
CREATE TABLE handover (
    gateway TEXT NOT NULL,
    old_kid BLOB NOT NULL,
    new_kid BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    sequence INTEGER NOT NULL,          -- the entry that says so; the old key signs nothing after it
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, old_kid)
) STRICT;
"""

# Each step brings a ledger from `user_version` = its index to the next; a step is never changed once released.
MIGRATIONS = (RECEIVED + PROJECTION, COMPOSITION, HANDOVER)

# The documents that people enter: a file of its own, see documents.py.
DOCUMENTS = """
CREATE TABLE IF NOT EXISTS document (
    number INTEGER PRIMARY KEY,         -- from 1 on, without a gap
    body BLOB NOT NULL,                 -- canonical CBOR [entered_ms, kind, [[key, text], ...]]
    link BLOB NOT NULL,                 -- commits to the body and to all rows before
    kid BLOB NOT NULL,                  -- the platform's key that signed it
    signature BLOB NOT NULL             -- over "wattproof document", a zero byte and the link
) STRICT
"""
