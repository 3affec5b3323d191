-- Venues, their nodes, the nodes' keys and cameras.

create table venue (
    slug       text primary key check (slug ~ '^[a-z0-9-]{1,40}$'),
    name       text not null check (length(name) between 1 and 200),
    time_zone  text not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

create table node (
    id         uuid primary key,
    venue      text not null references venue,
    slug       text not null check (slug ~ '^[a-z0-9-]{1,40}$'),
    name       text not null check (length(name) between 1 and 200),
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    unique (venue, slug)
);

-- Only a hash of the key is kept. Keys are 256 random bits, so a plain SHA-256 is enough: there is nothing to guess.
create table node_key (
    id         uuid primary key,
    node_id    uuid not null references node,
    prefix     text not null unique,
    key_hash   bytea not null unique check (length(key_hash) = 32),
    label      text check (length(label) between 1 and 200),
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index on node_key (node_id);

-- Who may send changes with any change to the three tables above. Every ingest-api asks for this one number each second
-- and reads the keys again when it has moved; its row lock puts the changes in an order, so none is ever overlooked.
create table access_revision (
    one      boolean primary key default true check (one),
    revision bigint not null
);
insert into access_revision (revision) values (1);

create function access_changed() returns trigger language plpgsql as $$
begin
    update access_revision set revision = revision + 1;
    return null;
end $$;

create trigger access_changed after insert or update or delete on venue for each statement execute function access_changed();
create trigger access_changed after insert or update or delete on node for each statement execute function access_changed();
create trigger access_changed after insert or update or delete on node_key for each statement execute function access_changed();

create table camera (
    id            integer primary key generated always as identity,
    node_id       uuid not null references node,
    name          text not null,
    title         text check (length(title) between 1 and 200),
    first_seen_at timestamptz not null default now(),
    unique (node_id, name)
);

-- Names of classes are kept once; a detection refers to them by number.
create table class (
    id   integer primary key generated always as identity,
    name text not null unique
);
