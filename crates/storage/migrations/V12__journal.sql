-- The journal: which messages went through the broker, never what they said. The worker writes it in its role `journal`, in
-- partitions of a fixed number of entries each, so that the oldest can be dropped at once.

create table journal (
    id          bigint primary key,
    at          timestamptz not null,
    exchange    text not null,
    routing_key text not null,
    type        text,
    message_id  text,
    -- The picture that the message is about. No reference: an entry stays whatever becomes of the rest.
    image_id    uuid,
    -- Bytes of its body.
    size        bigint not null,
    trace_id    text,
    -- The slug of the venue, where the routing key names one. No reference either.
    venue       text
) partition by range (id);
create index on journal (at);
create index on journal (venue, id);
create index on journal (image_id) where image_id is not null;

-- The only row. Who writes entries raises last_id by their number, first thing in the transaction: so entries become visible in
-- the order of their ids, and who has read up to one will not miss a lower one. noted_at is when a worker in the role
-- `journal` was last at work.
create table journal_state (
    one      boolean primary key default true check (one),
    last_id  bigint not null default 0,
    noted_at timestamptz
);
insert into journal_state default values;
