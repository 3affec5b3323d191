-- What each node says it runs, by the User-Agent of its newest batches. Written only when it changes; seen_at is when the
-- first batch with it came in.
create table node_agent (
    node_id uuid primary key references node,
    agent   text not null check (length(agent) between 1 and 100),
    seen_at timestamptz not null
);
