-- +goose Up

create extension if not exists pg_trgm;   -- search that forgives typing errors
create extension if not exists btree_gin; -- a tenant and its trigrams in one index

-- array_to_string is only stable, for arrays of any type; of text it is immutable.
create function maas_words(words text[]) returns text
    language sql immutable parallel safe
    return array_to_string(words, ' ');

-- Whether an alias's traffic is [{"version": "1.4.0", "weight": 100}, …]: whole weights from 1 on that add up to 100.
create function maas_traffic(traffic jsonb) returns boolean
    language sql immutable parallel safe
    return (
        select coalesce(sum((share ->> 'weight')::int), 0) = 100 and bool_and((share ->> 'weight')::int > 0 and share ? 'version')
            and count(distinct share ->> 'version') = count(*)
        from jsonb_array_elements(traffic) as share);

create table models (
    id          uuid primary key,
    tenant_id   uuid        not null default maas_tenant() references tenants on delete cascade,
    name        text        not null check (length(name) <= 63 and name ~ '^[a-z0-9](-?[a-z0-9])*$'),
    description text        not null default '',
    framework   text        not null default '',
    tags        text[]      not null default '{}',
    metadata    jsonb       not null default '{}',
    license     text        not null default '',
    -- Counts the writes that change what Resolve answers, from the time in milliseconds on, so that a model of a deleted one's name goes on.
    epoch       bigint      not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
    created_by  text        not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    words       text        not null generated always as
        (name || ' ' || description || ' ' || framework || ' ' || license || ' ' || maas_words(tags)) stored,
    constraint models_name_key unique (tenant_id, name)
);
create index models_trigrams on models using gin (tenant_id, words gin_trgm_ops);
create index models_words on models using gin (tenant_id, to_tsvector('simple', words));
create index models_created on models (tenant_id, created_at, id);
create index models_updated on models (tenant_id, updated_at, id);

create table artifacts (
    tenant_id  uuid        not null default maas_tenant(),
    digest     text        not null check (digest ~ '^[0-9a-f]{64}$'),
    object_key text        not null,
    size       bigint      not null check (size > 0),
    md5        text        not null default '',
    format     text        not null,
    inputs     jsonb       not null default '[]',
    outputs    jsonb       not null default '[]',
    details    jsonb       not null default '{}', -- what else the format's reader found: producer, opset, findings
    created_at timestamptz not null default now(),
    primary key (tenant_id, digest)
);
create index artifacts_object on artifacts (object_key);

create table versions (
    id                 uuid primary key,
    tenant_id          uuid        not null default maas_tenant(),
    model_id           uuid        not null references models (id) on delete cascade,
    version            text        not null,
    major              int         not null,
    minor              int         not null,
    patch              int         not null,
    prerelease         text        not null collate "C", -- a key that sorts by SemVer's precedence, not the text
    status             text        not null default 'draft' check (status in ('draft', 'published', 'deprecated', 'retired')),
    changelog          text        not null default '',
    metadata           jsonb       not null default '{}',
    digest             text        check (digest ~ '^[0-9a-f]{64}$'), -- of the manifest
    uri                text,
    size               bigint,
    format             text,
    runtime            text,
    inputs             jsonb,
    outputs            jsonb,
    resources          jsonb       not null default '{}',
    min_replicas       int         not null default 0,
    max_replicas       int         not null default 1,
    deterministic      boolean     not null default false,
    aliases            text[]      not null default '{}', -- to move when it is ready, besides the derived ones
    deprecation_reason text,
    deprecated_at      timestamptz,
    sunset             timestamptz,
    created_by         text        not null,
    created_at         timestamptz not null default now(),
    published_by       text,
    published_at       timestamptz,
    ready_at           timestamptz, -- when it was seen to start for the first time: from then on aliases may point at it
    retired_at         timestamptz,
    wanted_at          timestamptz, -- when a call last asked for its start
    constraint versions_version_key unique (model_id, version),
    constraint versions_frozen check (status = 'draft' or
        (digest is not null and uri is not null and size is not null and format is not null and runtime is not null
            and inputs is not null and outputs is not null and published_at is not null)),
    constraint versions_deprecated check (status <> 'deprecated' or (deprecation_reason is not null and deprecated_at is not null and sunset is not null)),
    constraint versions_retired check ((status = 'retired') = (retired_at is not null)),
    constraint versions_scale check (min_replicas between 0 and max_replicas)
);
create index versions_order on versions (model_id, major desc, minor desc, patch desc, prerelease desc);
create index versions_served on versions (model_id, status, major desc, minor desc, patch desc, prerelease desc) where ready_at is not null;
create index versions_waiting on versions (id) where status = 'published' and ready_at is null;
create index versions_wanted on versions (wanted_at) where wanted_at is not null;
create index versions_digest on versions (tenant_id, digest) where digest is not null;
create index versions_sunset on versions (sunset) where status = 'deprecated';

-- What is published never changes but in status, and goes only with its whole model.
-- +goose StatementBegin
create function versions_guard() returns trigger
    language plpgsql
as $$
declare
    mutable constant text[] := array['status', 'deprecation_reason', 'deprecated_at', 'sunset', 'ready_at', 'retired_at', 'wanted_at'];
begin
    if tg_op = 'DELETE' then
        if old.status = 'draft' or not exists (select from models where id = old.model_id) then
            return old;
        end if;
        raise exception 'version % is % and cannot be deleted', old.version, old.status
            using errcode = 'restrict_violation', constraint = 'versions_immutable';
    end if;
    if old.status <> 'draft' and (to_jsonb(new) - mutable) is distinct from (to_jsonb(old) - mutable) then
        raise exception 'version % is % and cannot be changed', old.version, old.status
            using errcode = 'restrict_violation', constraint = 'versions_immutable';
    end if;
    if new.status <> old.status and (old.status, new.status) not in
        (('draft', 'published'), ('published', 'deprecated'), ('deprecated', 'retired')) then
        raise exception 'version % is % and cannot become %', old.version, old.status, new.status
            using errcode = 'restrict_violation', constraint = 'versions_transition';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger versions_guard before update or delete on versions for each row execute function versions_guard();

create table version_files (
    version_id  uuid        not null references versions (id) on delete cascade,
    path        text        not null,
    tenant_id   uuid        not null default maas_tenant(),
    digest      text        not null,
    attached_at timestamptz not null default now(),
    primary key (version_id, path),
    foreign key (tenant_id, digest) references artifacts (tenant_id, digest)
);
create index version_files_artifact on version_files (tenant_id, digest);

-- The files of a published version are frozen with it. The lock keeps them so against a publication at the same time.
-- +goose StatementBegin
create function version_files_guard() returns trigger
    language plpgsql
as $$
declare
    owner    uuid := case tg_op when 'DELETE' then old.version_id else new.version_id end;
    standing text;
begin
    select status into standing from versions where id = owner for share;
    if standing <> 'draft' then -- null when the version goes with all its files
        raise exception 'the files of a % version cannot be changed', standing
            using errcode = 'restrict_violation', constraint = 'versions_immutable';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;
-- +goose StatementEnd
create trigger version_files_guard before insert or update or delete on version_files
    for each row execute function version_files_guard();

create table lineage (
    version_id uuid primary key references versions (id) on delete cascade,
    tenant_id  uuid not null default maas_tenant(),
    parent     text not null default '', -- "acme/fraud@1.3.0"
    commit     text not null default '',
    data       text not null default '',
    run        text not null default ''
);
create index lineage_parent on lineage (tenant_id, parent) where parent <> '';

create table aliases (
    model_id  uuid        not null references models (id) on delete cascade,
    alias     text        not null,
    tenant_id uuid        not null default maas_tenant(),
    kind      text        not null check (kind in ('derived', 'set')),
    traffic   jsonb       not null check (maas_traffic(traffic)),
    moved_by  text        not null,
    moved_at  timestamptz not null default clock_timestamp(),
    why       text        not null,
    primary key (model_id, alias)
);

-- The ledger outlives the model that it speaks of.
create table alias_moves (
    seq       bigint      primary key generated always as identity, -- ids made by pods would follow the pods' clocks
    tenant_id uuid        not null default maas_tenant(),
    model_id  uuid        not null,
    alias     text        not null,
    moved_at  timestamptz not null default clock_timestamp(),
    moved_by  text        not null,
    before    jsonb       not null, -- traffic, [] where there was none
    after     jsonb       not null, -- traffic, [] where the alias went
    why       text        not null
);
create index alias_moves_order on alias_moves (model_id, alias, seq desc);
create trigger alias_moves_append_only before update or delete on alias_moves
    for each row execute function maas_append_only();

call maas_isolate('models');
call maas_isolate('artifacts');
call maas_isolate('versions');
call maas_isolate('version_files');
call maas_isolate('lineage');
call maas_isolate('aliases');
call maas_isolate('alias_moves');

grant select, insert, update, delete on models, versions, version_files, lineage, aliases to maas_catalog;
grant select, insert on artifacts, alias_moves to maas_catalog;
-- transfer opens drafts, attaches files and drops drafts that stayed empty.
grant select, update on models to maas_transfer;
grant select, insert, update, delete on versions, version_files, lineage to maas_transfer;
grant select, insert on artifacts to maas_transfer;
-- deployment moves aliases when a version is ready.
grant select, update on models, versions to maas_deployment;
grant select, insert, update, delete on aliases to maas_deployment;
grant select, insert on alias_moves to maas_deployment;
grant select on version_files, artifacts to maas_deployment;

-- The tenant's models that match a query, and how well (0 to 2). Row-level security would keep the planner from the index, since
-- trigram operators are not leakproof; here the tenant is a plain condition.
-- +goose StatementBegin
create function models_match(query text) returns table (id uuid, rank real)
    language sql stable security definer set search_path = public, pg_temp set pg_trgm.word_similarity_threshold = 0.35
as $$
    select m.id, word_similarity(query, m.words) + ts_rank(to_tsvector('simple', m.words), websearch_to_tsquery('simple', query))
    from models m
    where m.tenant_id = maas_tenant() and (query <% m.words or to_tsvector('simple', m.words) @@ websearch_to_tsquery('simple', query));
$$;
-- +goose StatementEnd

-- The deprecated versions of all tenants whose sunset has come and to which no alias that someone set still leads.
-- +goose StatementBegin
create function versions_sunset(most int) returns table (tenant_id uuid, tenant text, model text, version text)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select v.tenant_id, t.name, m.name, v.version
    from versions v join models m on m.id = v.model_id join tenants t on t.id = v.tenant_id
    where v.status = 'deprecated' and v.sunset <= now() and not exists (
        select from aliases a
        where a.model_id = v.model_id and a.kind = 'set' and a.traffic @> jsonb_build_array(jsonb_build_object('version', v.version)))
    order by v.sunset limit most;
$$;
-- +goose StatementEnd

-- Those of the keys that some row needs: a file's object, or a version's manifest.
-- +goose StatementBegin
create function catalog_objects(keys text[]) returns setof text
    language sql stable security definer set search_path = public, pg_temp
as $$
    select key from unnest(keys) as key where exists (select from artifacts a where a.object_key = key)
        or exists (select from versions v where v.digest = split_part(key, '/', 4)
            and v.tenant_id = substring(key from '^t/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/manifests/')::uuid); -- null for other keys
$$;
-- +goose StatementEnd

-- Forgets artifacts that have been in no version for a day; their objects are then without a row.
-- +goose StatementBegin
create function artifacts_trim(most int) returns bigint
    language sql security definer set search_path = public, pg_temp
as $$
    with gone as (
        delete from artifacts where (tenant_id, digest) in (
            select a.tenant_id, a.digest from artifacts a
            where a.created_at < now() - interval '1 day'
                and not exists (select from version_files f where f.tenant_id = a.tenant_id and f.digest = a.digest)
            limit most)
        returning 1)
    select count(*) from gone;
$$;
-- +goose StatementEnd

grant select on models, versions, version_files, aliases, alias_moves to maas_definer;
grant select, delete on artifacts to maas_definer;
grant create on schema public to maas_definer;
call maas_definer('models_match(text)', 'maas_catalog');
call maas_definer('versions_sunset(int)', 'maas_sweep');
call maas_definer('catalog_objects(text[])', 'maas_sweep');
call maas_definer('artifacts_trim(int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function artifacts_trim(int);
drop function catalog_objects(text[]);
drop function versions_sunset(int);
drop function models_match(text);
drop table alias_moves, aliases, lineage, version_files;
drop function version_files_guard();
drop table versions;
drop function versions_guard();
drop table artifacts, models;
drop function maas_traffic(jsonb);
drop function maas_words(text[]);
drop extension btree_gin;
drop extension pg_trgm;
