-- People who use the console: users, what they are where, their sessions, and attempts to sign in.

create table user_account (
    id            uuid primary key,
    -- What is typed to sign in. Lower case only, so that there is one way to write it.
    name          text not null unique check (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    display_name  text not null check (length(display_name) between 1 and 200),
    -- Argon2id in the PHC string format, which names its parameters, so that they can be raised later.
    password_hash text not null,
    created_at    timestamptz not null default now(),
    last_seen_at  timestamptz,
    disabled_at   timestamptz
);

-- At most one role in each venue, and at most one for all of them (venue null), also those that are still to come.
create table user_role (
    user_id uuid not null references user_account on delete cascade,
    venue   text references venue,
    role    text not null check (role in ('viewer', 'operator', 'admin')),
    unique nulls not distinct (user_id, venue)
);
create index on user_role (venue);

-- Only a hash of the secret in the cookie is kept: 256 random bits, so a plain SHA-256 is enough.
create table session (
    secret_hash  bytea primary key check (length(secret_hash) = 32),
    user_id      uuid not null references user_account on delete cascade,
    created_at   timestamptz not null,
    last_seen_at timestamptz not null,
    -- It ends here at the latest, however much it is used.
    expires_at   timestamptz not null
);
create index on session (user_id);
create index on session (expires_at);

-- Attempts to sign in that failed or are under way, by account and by address of the client. Both are hashes: a name that
-- was typed may be a password that went into the wrong field.
create table sign_in_throttle (
    subject       bytea primary key check (length(subject) = 32),
    attempts      integer not null,
    last_at       timestamptz not null,
    blocked_until timestamptz not null
);
create index on sign_in_throttle (last_at);
