-- +goose Up

create table tenants (
    id         uuid primary key,
    name       text        not null,
    created_at timestamptz not null default now(),
    constraint tenants_name_key unique (name)
);

-- A user is nobody's row: memberships say whose it may be seen by.
create table users (
    id         uuid primary key,
    email      text        not null, -- normalised
    username   text,
    password   text        not null, -- PHC string of argon2id
    created_at timestamptz not null default now(),
    constraint users_email_key unique (email),
    constraint users_username_key unique (username)
);

create table memberships (
    tenant_id  uuid        not null default maas_tenant() references tenants on delete cascade,
    user_id    uuid        not null references users on delete cascade,
    roles      text[]      not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, user_id),
    constraint memberships_roles check (
        cardinality(roles) > 0 and roles <@ array['owner', 'admin', 'developer', 'viewer', 'caller'])
);
create index memberships_user on memberships (user_id);

-- A sign-in: the family of refresh tokens that came from it.
create table sessions (
    id         uuid primary key,
    tenant_id  uuid        not null default maas_tenant() references tenants on delete cascade,
    user_id    uuid        not null references users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at   timestamptz
);
create index sessions_user on sessions (user_id) where ended_at is null;
create index sessions_old on sessions (expires_at);

create table refresh_tokens (
    hash       bytea primary key, -- SHA-256 of the token
    tenant_id  uuid        not null default maas_tenant(),
    session    uuid        not null references sessions on delete cascade,
    expires_at timestamptz not null,
    spent_at   timestamptz,
    successor  bytea -- the hash of the token that it was spent for
);
create index refresh_tokens_session on refresh_tokens (session);

create table api_keys (
    id           text primary key,
    tenant_id    uuid        not null default maas_tenant() references tenants on delete cascade,
    user_id      uuid        not null references users on delete cascade, -- its maker; the key goes with the membership
    name         text        not null,
    hash         bytea       not null, -- HMAC-SHA-256 of the secret
    scopes       text[]      not null check (cardinality(scopes) > 0),
    models       text[], -- names within the tenant; null for all
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    last_used_at timestamptz
);
create index api_keys_tenant on api_keys (tenant_id, created_at, id);

-- What must not be believed although its signature is good or it is cached somewhere: tokens of a session (sid), a user (sub) or a
-- tenant, and API keys, from before a time. A row is kept until nothing from before that time is good any more.
create table revocations (
    kind       text        not null check (kind in ('sid', 'sub', 'tenant', 'key')),
    id         text        not null,
    before     timestamptz not null,
    expires_at timestamptz not null,
    primary key (kind, id)
);
create index revocations_before on revocations (before);
create index revocations_old on revocations (expires_at);

-- Failed sign-ins by account and address, and registrations by address. key is a hash: what people type by mistake is not kept.
create table throttles (
    kind     text        not null check (kind in ('account', 'address', 'register')),
    key      bytea       not null,
    count    int         not null,
    counted  timestamptz not null, -- when the count was last changed; for registrations, when it began
    until    timestamptz not null, -- nothing more before this
    primary key (kind, key)
);
create index throttles_old on throttles (counted);

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant on tenants using (id = maas_tenant()) with check (id = maas_tenant());
alter table users enable row level security;
alter table users force row level security;
create policy member on users
    using (exists (select from memberships m where m.user_id = users.id and m.tenant_id = maas_tenant()))
    with check (true);
call maas_isolate('memberships');
call maas_isolate('sessions');
call maas_isolate('refresh_tokens');
call maas_isolate('api_keys');

-- Everyone may know the name of the tenant it acts for.
grant select on tenants to maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep;
grant select, insert on tenants to maas_identity;
grant select, insert, update on users, memberships, sessions, refresh_tokens to maas_identity;
grant select, insert, update, delete on api_keys, throttles to maas_identity;
grant select on tenants, users, memberships to maas_definer;
grant select, update, delete on sessions, api_keys to maas_definer;
grant select, delete on refresh_tokens, throttles to maas_definer;
grant select, insert, update, delete on revocations to maas_definer;

-- The user whom an email or a username names.
-- +goose StatementBegin
create function auth_user(login text) returns table (id uuid, password text)
    language sql stable security definer set search_path = public, pg_temp
as $$ select u.id, u.password from users u where u.email = login or u.username = login; $$;
-- +goose StatementEnd

-- A user's tenants, the first joined first.
-- +goose StatementBegin
create function auth_memberships(member uuid) returns table (tenant_id uuid, tenant text, roles text[])
    language sql stable security definer set search_path = public, pg_temp
as $$
    select t.id, t.name, m.roles from memberships m join tenants t on t.id = m.tenant_id
    where m.user_id = member order by m.created_at, t.id;
$$;
-- +goose StatementEnd

-- The session that a refresh token belongs to, and the tenant that sees it.
-- +goose StatementBegin
create function auth_refresh(token bytea) returns table (session uuid, tenant_id uuid)
    language sql stable security definer set search_path = public, pg_temp
as $$ select r.session, r.tenant_id from refresh_tokens r where r.hash = token; $$;
-- +goose StatementEnd

-- An API key with what its maker is now; no row once the maker has left the tenant.
-- +goose StatementBegin
create function auth_key(key text) returns table (
    tenant_id uuid, tenant text, user_id uuid, roles text[], hash bytea, scopes text[], models text[], expires_at timestamptz, stale boolean)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select k.tenant_id, t.name, k.user_id, m.roles, k.hash, k.scopes, k.models, k.expires_at,
        k.last_used_at is null or k.last_used_at < now() - interval '1 minute'
    from api_keys k
    join tenants t on t.id = k.tenant_id
    join memberships m on m.tenant_id = k.tenant_id and m.user_id = k.user_id
    where k.id = key and (k.expires_at is null or k.expires_at > now());
$$;
-- +goose StatementEnd

-- Notes that a key was used; a use within a minute of the last is not noted, nor one that another request is noting.
-- +goose StatementBegin
create function auth_key_used(key text) returns void
    language sql security definer set search_path = public, pg_temp
as $$
    update api_keys set last_used_at = now() where id = (
        select k.id from api_keys k
        where k.id = key and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute') for update skip locked);
$$;
-- +goose StatementEnd

-- Revokes what was issued before now; good_for is how long that would have been good.
-- +goose StatementBegin
create function auth_revoke(revoked_kind text, revoked text, good_for interval) returns void
    language sql security definer set search_path = public, pg_temp
as $$
    insert into revocations as r (kind, id, before, expires_at)
    values (revoked_kind, revoked, clock_timestamp(), clock_timestamp() + good_for)
    on conflict (kind, id) do update
    set before = greatest(r.before, excluded.before), expires_at = greatest(r.expires_at, excluded.expires_at);
$$;
-- +goose StatementEnd

-- What is revoked, and the time to ask from next. Commits are not in the order of their times: what a transaction of up to a minute
-- may still have hidden is given again.
-- +goose StatementBegin
create function auth_revocations(since timestamptz) returns table (kind text, id text, before timestamptz, expires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select r.kind, r.id, r.before, r.expires_at from revocations r
    where r.expires_at > now() and (since is null or r.before > since - interval '1 minute');
$$;
-- +goose StatementEnd

-- Ends a user's sessions in all tenants, but for one, and revokes their access tokens.
-- +goose StatementBegin
create function auth_end_sessions(member uuid, kept uuid, good_for interval) returns bigint
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    n bigint := 0;
    ended uuid;
begin
    for ended in
        update sessions s set ended_at = now() where s.user_id = member and s.id <> kept and s.ended_at is null returning s.id
    loop
        perform auth_revoke('sid', ended::text, good_for);
        n := n + 1;
    end loop;
    return n;
end
$$;
-- +goose StatementEnd

-- Forgets what nothing asks for any more: sessions a day after they expire or end, old revocations and throttles.
-- +goose StatementBegin
create function identity_trim(most int) returns bigint
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    n bigint;
    total bigint := 0;
begin
    delete from sessions where id in (
        select id from sessions where expires_at < now() - interval '1 day' or ended_at < now() - interval '1 day' limit most);
    get diagnostics n = row_count;
    total := total + n;
    delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at < now() - interval '1 day' limit most);
    get diagnostics n = row_count;
    total := total + n;
    delete from revocations where (kind, id) in (
        select kind, id from revocations where expires_at < now() - interval '1 hour' limit most);
    get diagnostics n = row_count;
    total := total + n;
    delete from throttles where (kind, key) in (
        select kind, key from throttles where counted < now() - interval '1 day' limit most);
    get diagnostics n = row_count;
    return total + n;
end
$$;
-- +goose StatementEnd

grant create on schema public to maas_definer;
call maas_definer('auth_user(text)', 'maas_identity');
call maas_definer('auth_memberships(uuid)', 'maas_identity');
call maas_definer('auth_refresh(bytea)', 'maas_identity');
call maas_definer('auth_key(text)', 'maas_identity');
call maas_definer('auth_key_used(text)', 'maas_identity');
call maas_definer('auth_revoke(text, text, interval)', 'maas_identity');
call maas_definer('auth_revocations(timestamptz)', 'maas_identity');
call maas_definer('auth_end_sessions(uuid, uuid, interval)', 'maas_identity');
call maas_definer('identity_trim(int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function identity_trim(int);
drop function auth_end_sessions(uuid, uuid, interval);
drop function auth_revocations(timestamptz);
drop function auth_revoke(text, text, interval);
drop function auth_key_used(text);
drop function auth_key(text);
drop function auth_refresh(bytea);
drop function auth_memberships(uuid);
drop function auth_user(text);
drop table throttles, revocations, api_keys, refresh_tokens, sessions, memberships, users, tenants;
