-- The audit log: who changed what, and when. Triggers write it in the transaction of the change itself, so that no change
-- goes without its entry and no entry without its change; also changes that somebody makes by hand are in it.

create table audit_entry (
    id         bigint primary key generated always as identity,
    at         timestamptz not null default now(),
    actor_kind text not null
        check (actor_kind in ('user', 'api-token', 'administrator-token', 'viewer-token', 'command', 'database')),
    actor_name text not null,
    actor_id   uuid,
    address    inet,
    action     text not null,
    subject    text not null,
    -- The slug of the venue that it is about, if it is about one. No reference: an entry stays whatever becomes of the rest.
    venue      text,
    before     jsonb,
    after      jsonb
);
create index on audit_entry (at);
create index on audit_entry (venue, id);
create index on audit_entry (actor_name, id);
create index on audit_entry (action, id);

-- What has been written stays as it is. (Old entries are deleted as a whole.)
create function audit_entry_stays() returns trigger language plpgsql as $$
begin
    raise exception 'an entry of the audit log is never changed';
end $$;
create trigger audit_entry_stays before update on audit_entry for each statement execute function audit_entry_stays();

-- Writes an entry. The actor is what the transaction says (`citytrack.actor`, JSON); else somebody who is at work in the
-- database itself, under the name of a database role.
create function audit_note(action text, subject text, venue text, before jsonb, after jsonb) returns void language sql as $$
    insert into audit_entry (actor_kind, actor_name, actor_id, address, action, subject, venue, before, after)
    select coalesce(actor ->> 'kind', 'database'), coalesce(actor ->> 'name', session_user),
           (actor ->> 'id')::uuid, (actor ->> 'address')::inet, action, subject, venue, before, after
    -- A local setting leaves an empty text behind in its session.
    from (select nullif(current_setting('citytrack.actor', true), '')::jsonb) as said (actor)
$$;

-- A row without the values of its secret columns. That there is one, and that it has changed, is no secret.
create function audit_redacted(fields jsonb, secrets text[]) returns jsonb language sql immutable as $$
    select jsonb_object_agg(key, case when key = any(secrets) and value <> 'null' then '"(hidden)"' else value end)
    from jsonb_each(fields)
$$;

-- What happened to a row, from what changed in it: `retired` for a venue that was given a `retired_at`.
create function audit_verb(before jsonb, after jsonb) returns text language sql immutable as $$
    select case
        when before is null then 'created'
        when after is null then 'deleted'
        when after ->> 'retired_at' is not null then 'retired'
        when after ->> 'revoked_at' is not null then 'revoked'
        when after ->> 'disabled_at' is not null then 'disabled'
        when before ->> 'disabled_at' is not null then 'enabled'
        else 'updated'
    end
$$;

-- A trigger for each row of a table:
--   create trigger audited after insert or update or delete on … for each row execute function
--       audit_row('<kind of thing>', '<query>', '<secret columns>', '<columns of mere bookkeeping>');
-- The query says what an entry is about: the subject, as people call it, and the venue or null, of the row $1 (jsonb). It
-- sees the state after the change. Of an update only what changed is kept; when that is mere bookkeeping, there is no entry.
create function audit_row() returns trigger language plpgsql as $$
declare
    secrets     text[] := string_to_array(tg_argv[2], ',');
    bookkeeping text[] := string_to_array(tg_argv[3], ',');
    before      jsonb  := case when tg_op <> 'INSERT' then to_jsonb(old) - bookkeeping end;
    after       jsonb  := case when tg_op <> 'DELETE' then to_jsonb(new) - bookkeeping end;
    -- Changed columns; nothing is subtracted where one side is missing.
    unchanged   text[] := array(select key from jsonb_each(before) where after -> key = value);
    subject     text;
    venue       text;
begin
    if before - unchanged = '{}' and after - unchanged = '{}' then
        return null;
    end if;
    execute tg_argv[1] into subject, venue using coalesce(after, before);
    before := before - unchanged;
    after := after - unchanged;
    perform audit_note(tg_argv[0] || '.' || audit_verb(before, after), coalesce(subject, '(gone)'), venue,
                       audit_redacted(before, secrets), audit_redacted(after, secrets));
    return null;
end $$;

create trigger audited after insert or update or delete on venue for each row execute function
    audit_row('venue', 'select $1 ->> ''slug'', $1 ->> ''slug''', '', '');

create trigger audited after insert or update or delete on node for each row execute function
    audit_row('node', 'select concat_ws(''/'', $1 ->> ''venue'', $1 ->> ''slug''), $1 ->> ''venue''', '', '');

create trigger audited after insert or update or delete on node_key for each row execute function
    audit_row('node-key', 'select concat(venue, ''/'', slug, '' '', $1 ->> ''prefix''), venue
                           from node where id = ($1 ->> ''node_id'')::uuid', 'key_hash', '');

-- Cameras appear by themselves; only their titles are given by people.
create trigger audited after update of title on camera for each row execute function
    audit_row('camera', 'select concat_ws(''/'', venue, slug, $1 ->> ''name''), venue
                         from node where id = ($1 ->> ''node_id'')::uuid', '', '');

create trigger audited after insert or update or delete on user_account for each row execute function
    audit_row('user', 'select $1 ->> ''name'', null', 'password_hash', 'last_seen_at');

create trigger audited after insert or update or delete on user_role for each row execute function
    audit_row('user-role', 'select (select name from user_account where id = ($1 ->> ''user_id'')::uuid), $1 ->> ''venue''', '', '');
