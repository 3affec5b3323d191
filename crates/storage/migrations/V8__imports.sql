-- Counts from elsewhere, so that history comes along.

-- Each file of counts that was taken in.
create table import (
    id      bigint primary key generated always as identity,
    venue   text not null references venue,
    node_id uuid not null references node,
    at      timestamptz not null default now(),
    file    text check (length(file) between 1 and 200),
    -- Lines of the file, without its head.
    rows    bigint not null,
    -- What it brought that was not there yet: counts, and what they sum up to.
    counts  bigint not null,
    sum     bigint not null,
    -- Counts of the file that were not taken.
    refused bigint not null
);
create index on import (venue, at);

create trigger audited after insert or update or delete on import for each row execute function
    audit_row('import', 'select concat_ws(''/'', venue, slug), venue from node where id = ($1 ->> ''node_id'')::uuid', '', '');

-- Detections of a camera and class that were counted elsewhere, from start on for so many minutes (a day has up to 1,500).
-- In the order in which they are asked for. No references: an import brings a million rows, each of which would be checked,
-- and cameras and classes are never deleted.
create table imported_count (
    camera_id  integer not null,
    class_id   integer not null,
    start      timestamptz not null,
    minutes    integer not null check (minutes between 1 and 1500),
    detections bigint not null check (detections >= 0),
    import_id  bigint not null,
    primary key (camera_id, start, class_id)
);

-- Such counts are hours, mostly: rolling them up by the hour would only write them twice more. Only days are rolled up.
alter table camera_hour drop column imported;
alter table class_hour drop column imported;
