-- The loss ledger: which numbers of a node's streams of batches are stored, and which were refused.

-- A stream of numbered batches of a node. `stored` holds the numbers of batches that are in the database, `refused` those that
-- were turned away for good and are not in `stored`. Both have few ranges while few numbers are missing. `batches` counts those
-- stored, `duplicates` those that came again, `late` those stored whose id was more than a minute old when they came in. Times
-- are those of receipt.
-- A stream with very many gaps is cut short from below: numbers under `settled_below` are in neither set any more, and are
-- stored but for `settled_refused` and `settled_missing` of them.
-- No index but the key, and room in every page: all updates are heap-only.
create table stream (
    node_id         uuid not null references node,
    id              uuid not null,
    stored          int8multirange not null default '{}',
    refused         int8multirange not null default '{}',
    settled_below   bigint not null default 0,
    settled_refused bigint not null default 0,
    settled_missing bigint not null default 0,
    batches         bigint not null default 0,
    duplicates      bigint not null default 0,
    late            bigint not null default 0,
    first_at        timestamptz not null,
    last_at         timestamptz not null,
    primary key (node_id, id)
) with (fillfactor = 50);

-- Batches of a node that were refused for good, by reason; `unnumbered` of them told no stream and number.
create table refusal (
    node_id     uuid not null references node,
    reason      text not null check (length(reason) between 1 and 40),
    batches     bigint not null,
    unnumbered  bigint not null,
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    last_detail text not null check (length(last_detail) <= 500),
    primary key (node_id, reason)
) with (fillfactor = 50);

-- How many numbers a set holds.
create function numbers_in(numbers int8multirange) returns bigint language sql immutable strict parallel safe as $$
    select coalesce(sum(upper(part) - lower(part)), 0)::bigint from unnest(numbers) as part
$$;

-- What became of the batches of each stream. `gaps` are the numbers from `settled_below` to the highest known one that are
-- neither stored nor refused; `missing` says how many are, with those that were settled.
create view ledger as
select node_id, id as stream, highest, batches as stored, duplicates as duplicate, late,
       settled_refused + numbers_in(refused) as refused,
       -- More batches than numbers: some number was given to two batches.
       greatest(0, batches - numbers_in(stored) - (settled_below - settled_refused - settled_missing)) as reused,
       settled_missing + numbers_in(gaps) as missing, gaps, settled_below, first_at, last_at
from stream
cross join lateral (select greatest(upper(stored), upper(refused), settled_below) - 1 as highest) as known
cross join lateral (select int8multirange(int8range(settled_below, highest + 1)) - stored - refused as gaps) as holes;
