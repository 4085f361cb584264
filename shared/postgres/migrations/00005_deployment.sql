-- +goose Up

-- The state of a version's model server, as its host tells it. A published version without a row has never been asked for.
create table deployments (
    version_id  uuid primary key references versions (id) on delete cascade,
    tenant_id   uuid        not null default maas_tenant(),
    status      text        not null default 'pending'
        check (status in ('pending', 'starting', 'ready', 'idle', 'failed', 'removed')),
    endpoint    text        not null default '', -- base URL of its Open Inference Protocol server
    reason      text        not null default '', -- why it failed, or what it waits for
    schedule_ms bigint      not null default 0,
    fetch_ms    bigint      not null default 0,
    load_ms     bigint      not null default 0,
    last_called timestamptz,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint deployments_reachable check (status not in ('ready', 'idle') or endpoint <> ''),
    constraint deployments_reason check (status <> 'failed' or reason <> '')
);
create index deployments_called on deployments (last_called) where last_called is not null;
create index deployments_standing on deployments (version_id) where status in ('pending', 'starting', 'ready', 'idle');

-- pending → starting → ready ⇄ idle, → failed, → removed; what failed, went or lost its host starts anew from pending.
-- +goose StatementBegin
create function deployments_guard() returns trigger
    language plpgsql
as $$
begin
    if new.status <> old.status and (old.status, new.status) not in (
        ('pending', 'starting'), ('starting', 'ready'), ('ready', 'idle'), ('idle', 'ready'),
        ('pending', 'failed'), ('starting', 'failed'), ('ready', 'failed'), ('idle', 'failed'),
        ('pending', 'removed'), ('starting', 'removed'), ('ready', 'removed'), ('idle', 'removed'), ('failed', 'removed'),
        ('starting', 'pending'), ('ready', 'pending'), ('idle', 'pending'), ('failed', 'pending'), ('removed', 'pending')) then
        raise exception 'a % deployment cannot become %', old.status, new.status
            using errcode = 'restrict_violation', constraint = 'deployments_transition';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger deployments_guard before update on deployments for each row execute function deployments_guard();

call maas_isolate('deployments');
grant select, insert, update on deployments to maas_deployment;
grant select on deployments to maas_catalog; -- a version's resource tells its deployment's state
grant select on uploads to maas_catalog; -- a version is not published while its uploads are open

-- What should run and what stands, of all tenants: for hosts, which start and stop model servers for everyone. A deployment is desired for the
-- targets of aliases, for their five targets before, for versions called within 7 days, and for what was just published or just asked for.
-- warm: a target left within the guard window of 10 minutes, to be kept from going idle.
-- +goose StatementBegin
create function deployments_plan() returns table (tenant_id uuid, version_id uuid, status text, desired boolean, warm boolean)
    language sql stable security definer set search_path = public, pg_temp
as $$
    with shares as (
        select a.model_id, share ->> 'version' as version, false as warm
        from aliases a, jsonb_array_elements(a.traffic) as share
        union all
        select a.model_id, share ->> 'version', m.moved_at > now() - interval '10 minutes'
        from aliases a
        cross join lateral (
            select l.before, l.moved_at from alias_moves l where l.model_id = a.model_id and l.alias = a.alias order by l.seq desc limit 5) m,
            jsonb_array_elements(m.before) as share
    ), wanted as (
        select v.id, s.warm
        from shares s join versions v on v.model_id = s.model_id and v.version = s.version
        union all
        select d.version_id, false from deployments d where d.last_called > now() - interval '7 days'
        union all
        select v.id, false from versions v where v.wanted_at > now() - interval '10 minutes'
        union all
        select v.id, false
        from versions v left join deployments d on d.version_id = v.id
        where v.status = 'published' and v.ready_at is null and d.status is distinct from 'failed'
    ), all_ids as (
        select id, true as desired, bool_or(warm) as warm from wanted group by id
        union all
        select version_id, false, false from deployments where deployments.status in ('pending', 'starting', 'ready', 'idle')
    )
    select v.tenant_id, v.id, coalesce(d.status, 'none'), bool_or(i.desired and v.status in ('published', 'deprecated')), bool_or(i.warm)
    from all_ids i join versions v on v.id = i.id left join deployments d on d.version_id = v.id
    group by v.tenant_id, v.id, d.status;
$$;
-- +goose StatementEnd

grant select on deployments to maas_definer;
grant create on schema public to maas_definer;
call maas_definer('deployments_plan()', 'maas_deployment');
revoke create on schema public from maas_definer;

-- +goose Down
drop function deployments_plan();
drop table deployments;
drop function deployments_guard();
