-- +goose Up

-- One role per capability: NOLOGIN, owning nothing, granted only what the capability touches. A transaction begins with SET LOCAL ROLE.
-- Roles belong to the cluster, not to the database, so another database of the same cluster may have made them already.
-- +goose StatementBegin
do $$
declare
    capability text;
begin
    foreach capability in array array['identity', 'catalog', 'transfer', 'deployment', 'usage', 'webhook', 'sweep'] loop
        begin
            execute format('create role maas_%s nologin noinherit', capability);
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    begin
        -- Owns the SECURITY DEFINER functions: what must be read before the tenant is known. Policies let it (00010).
        create role maas_definer nologin;
    exception when duplicate_object or unique_violation then null;
    end;
    begin
        -- Who gives functions to a role has to be it, which since PostgreSQL 16 nobody is by having made it.
        execute format('grant maas_definer to %I', current_user);
    exception when insufficient_privilege then null; -- another database's owner made it, and this one is a member already, or fails below
    end;
    begin
        -- What an installation's LOGIN role is made a member of.
        create role maas_login nologin noinherit;
    exception when duplicate_object or unique_violation then null;
    end;
    grant maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep to maas_login;
end
$$;
-- +goose StatementEnd

-- The tenant of this transaction; null where none is set, and null equals nothing. Once SET LOCAL has ended the setting is '', not null.
create function maas_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('maas.tenant', true), '')::uuid;

-- Puts a table under row-level security by its tenant_id. For migrations.
-- +goose StatementBegin
create procedure maas_isolate(tbl regclass)
    language plpgsql
as $$
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy tenant on %s using (tenant_id = maas_tenant()) with check (tenant_id = maas_tenant())', tbl);
end
$$;
-- +goose StatementEnd

-- For triggers on what is only ever appended to.
-- +goose StatementBegin
create function maas_append_only() returns trigger
    language plpgsql
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
-- +goose StatementEnd

create table outbox (
    id          uuid primary key,
    tenant_id   uuid        not null default maas_tenant(),
    source      text        not null,
    type        text        not null,
    subject     text        not null,
    time        timestamptz not null default now(),
    traceparent text        not null default '',
    data        json        not null, -- json, not jsonb: the signature is over these bytes
    attempts    int         not null default 0,
    next_at     timestamptz not null default now() + interval '2 minutes',
    done_at     timestamptz
);
create index outbox_due on outbox (next_at) where done_at is null;
create index outbox_old on outbox (done_at) where done_at is not null;

create table inbox (
    consumer    text        not null,
    source      text        not null,
    id          uuid        not null,
    tenant_id   uuid        not null default maas_tenant(),
    attempts    int         not null default 0,
    received_at timestamptz not null default now(),
    done_at     timestamptz, -- when the effect was committed, or the event given up
    primary key (consumer, source, id)
);
create index inbox_event on inbox (id);
create index inbox_old on inbox (received_at);

create table dead_letters (
    id          uuid primary key,
    tenant_id   uuid        not null, -- all zeros where the event does not say, or cannot be believed
    consumer    text        not null,
    event       text        not null, -- as it came
    reason      text        not null,
    died_at     timestamptz not null default now(),
    replayed_at timestamptz
);
create index dead_letters_died on dead_letters (died_at desc);

create table idempotency_keys (
    tenant_id  uuid        not null default maas_tenant(),
    actor      text        not null,
    key        text        not null,
    request    bytea       not null, -- SHA-256 of route and body
    answer     json,
    created_at timestamptz not null default now(),
    primary key (tenant_id, actor, key)
);
create index idempotency_keys_old on idempotency_keys (created_at);

create table audit_entries (
    id        uuid primary key,
    tenant_id uuid        not null default maas_tenant(),
    time      timestamptz not null default clock_timestamp(),
    actor     text        not null,
    action    text        not null,
    resource  text        not null,
    outcome   text        not null check (outcome in ('done', 'refused')),
    address   inet,
    request   text        not null default ''
);
create index audit_entries_time on audit_entries (tenant_id, time);
create trigger audit_entries_append_only before update or delete on audit_entries
    for each row execute function maas_append_only();

create table audit_chain (
    tenant_id uuid   not null default maas_tenant(),
    seq       bigint not null check (seq > 0),
    entry     uuid   not null references audit_entries,
    prev      bytea  not null,
    hash      bytea  not null,
    primary key (tenant_id, seq),
    constraint audit_chain_entry_key unique (entry)
);
create trigger audit_chain_append_only before update or delete on audit_chain
    for each row execute function maas_append_only();

call maas_isolate('outbox');
call maas_isolate('inbox');
call maas_isolate('dead_letters');
call maas_isolate('idempotency_keys');
call maas_isolate('audit_entries');
call maas_isolate('audit_chain');

grant usage on schema public to maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep, maas_definer;
grant select, insert, update on outbox, inbox, idempotency_keys
    to maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep;
grant select, insert on audit_entries
    to maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep;
grant select, insert on audit_chain to maas_sweep;
grant select, insert, update, delete on outbox, inbox, dead_letters, idempotency_keys to maas_definer;
grant select on audit_entries, audit_chain to maas_definer;

-- Marks what every consumer has acted on as done, then takes up to most of the rows due before the given time: each is posted again
-- later than the time before (2 minutes, doubled, 1 hour at most). types[i] is consumed by consumers[i].
-- +goose StatementBegin
create function outbox_take(types text[], consumers text[], before timestamptz, most int)
    returns setof outbox
    language sql security definer set search_path = public, pg_temp
as $$
    update outbox o set done_at = now()
    where o.done_at is null and o.next_at <= before and not exists (
        select from unnest(types, consumers) as s (type, consumer)
        where s.type = o.type and not exists (
            select from inbox i where i.consumer = s.consumer and i.source = o.source and i.id = o.id and i.done_at is not null));
    update outbox o
    set attempts = o.attempts + 1, next_at = now() + least(interval '1 hour', interval '2 minutes' * 2 ^ least(o.attempts, 6))
    from (select d.id from outbox d where d.done_at is null and d.next_at <= before
          order by d.next_at limit most for update skip locked) due
    where o.id = due.id
    returning o.*;
$$;
-- +goose StatementEnd

-- Makes all that is not done due at once: for the start of a host whose former process may have lost what it had posted.
-- +goose StatementBegin
create function outbox_hurry() returns void
    language sql security definer set search_path = public, pg_temp
as $$ update outbox set next_at = now() where done_at is null and next_at > now(); $$;
-- +goose StatementEnd

-- Keeps an event that cannot be acted on; called where no tenant can be believed.
-- +goose StatementBegin
create function dead_letter_keep(letter uuid, tenant uuid, consumer text, event text, reason text) returns void
    language sql security definer set search_path = public, pg_temp
as $$
    insert into dead_letters (id, tenant_id, consumer, event, reason) values (letter, tenant, consumer, event, reason)
    on conflict (id) do nothing;
$$;
-- +goose StatementEnd

-- For the operator's `maas events`: what died, newest first.
-- +goose StatementBegin
create function dead_letters_list(most int) returns setof dead_letters
    language sql stable security definer set search_path = public, pg_temp
as $$ select * from dead_letters order by died_at desc limit most; $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function dead_letter_find(letter uuid) returns setof dead_letters
    language sql stable security definer set search_path = public, pg_temp
as $$ select * from dead_letters where id = letter; $$;
-- +goose StatementEnd

-- Takes a dead letter up for a replay: its receipt is forgotten, so that its consumer acts on it again.
-- +goose StatementBegin
create function dead_letter_take(letter uuid, event_source text, event_id uuid) returns setof dead_letters
    language sql security definer set search_path = public, pg_temp
as $$
    delete from inbox i using dead_letters d
    where d.id = letter and i.consumer = d.consumer and i.source = event_source and i.id = event_id;
    update dead_letters set replayed_at = now() where id = letter returning *;
$$;
-- +goose StatementEnd

-- Forgets what nothing asks for any more: done events and receipts after 30 days, idempotency keys after 24 hours.
-- +goose StatementBegin
create function trail_trim(most int) returns bigint
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    n bigint;
    total bigint := 0;
begin
    delete from outbox where id in (select id from outbox where done_at < now() - interval '30 days' limit most);
    get diagnostics n = row_count;
    total := total + n;
    delete from inbox where (consumer, source, id) in (
        select consumer, source, id from inbox where received_at < now() - interval '31 days' and done_at is not null limit most);
    get diagnostics n = row_count;
    total := total + n;
    delete from idempotency_keys where (tenant_id, actor, key) in (
        select tenant_id, actor, key from idempotency_keys where created_at < now() - interval '24 hours' limit most);
    get diagnostics n = row_count;
    return total + n;
end
$$;
-- +goose StatementEnd

-- Makes a SECURITY DEFINER function safe to grant: owned by the role that passes row-level security, callable by the named roles alone.
-- +goose StatementBegin
create procedure maas_definer(fn regprocedure, variadic callers text[])
    language plpgsql
as $$
declare
    caller text;
begin
    execute format('alter function %s owner to maas_definer', fn);
    execute format('revoke all on function %s from public', fn);
    foreach caller in array callers loop
        execute format('grant execute on function %s to %I', fn, caller);
    end loop;
end
$$;
-- +goose StatementEnd

grant create on schema public to maas_definer; -- an owner of functions must be able to make them
call maas_definer('outbox_take(text[], text[], timestamptz, int)', 'maas_sweep');
call maas_definer('outbox_hurry()', 'maas_sweep');
call maas_definer('dead_letter_keep(uuid, uuid, text, text, text)',
    'maas_identity', 'maas_catalog', 'maas_transfer', 'maas_deployment', 'maas_usage', 'maas_webhook', 'maas_sweep');
call maas_definer('dead_letters_list(int)', 'maas_sweep');
call maas_definer('dead_letter_find(uuid)', 'maas_sweep');
call maas_definer('dead_letter_take(uuid, text, uuid)', 'maas_sweep');
call maas_definer('trail_trim(int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function trail_trim(int);
drop function dead_letter_take(uuid, text, uuid);
drop function dead_letter_find(uuid);
drop function dead_letters_list(int);
drop function dead_letter_keep(uuid, uuid, text, text, text);
drop function outbox_hurry();
drop function outbox_take(text[], text[], timestamptz, int);
drop table audit_chain, audit_entries, idempotency_keys, dead_letters, inbox, outbox;
drop procedure maas_definer(regprocedure, text[]);
drop procedure maas_isolate(regclass);
drop function maas_append_only();
drop function maas_tenant();
revoke usage on schema public from maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep, maas_definer;
-- The roles stay: other databases of the cluster may use them.
