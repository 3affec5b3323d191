-- API tokens: what programs show that work in the place of people.

-- Only a hash of the token is kept, as of node keys: 256 random bits, so a plain SHA-256 is enough. Nothing but `revoked_at`
-- and `last_used_at` ever changes, and no row is deleted.
create table api_token (
    id           uuid primary key,
    name         text not null check (length(name) between 1 and 200),
    prefix       text not null unique,
    token_hash   bytea not null unique check (length(token_hash) = 32),
    -- Who made it, as the audit log names them.
    created_by   text not null,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- What its bearer is where, like `user_role`.
create table api_token_role (
    token_id uuid not null references api_token,
    venue    text references venue,
    role     text not null check (role in ('viewer', 'operator', 'admin')),
    unique nulls not distinct (token_id, venue)
);

create trigger audited after insert or update or delete on api_token for each row execute function
    audit_row('api-token', 'select concat($1 ->> ''name'', '' '', $1 ->> ''prefix''), null', 'token_hash', 'last_used_at');

create trigger audited after insert or update or delete on api_token_role for each row execute function
    audit_row('api-token-role', 'select concat(name, '' '', prefix), $1 ->> ''venue''
                                 from api_token where id = ($1 ->> ''token_id'')::uuid', '', '');
