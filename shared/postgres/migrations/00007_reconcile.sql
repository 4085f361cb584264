-- +goose Up

-- Why an act ended as it did: the reason of a failure, as it was told. The hash of an entry without one is what it was before.
alter table audit_entries add column why text not null default '';

grant select on tenants to maas_definer;
grant create on schema public to maas_definer;

-- What should run and what stands, as before, of all versions or of one. served: the version is published, and not retired. What has failed
-- is desired again once it is asked for after that.
drop function deployments_plan();
-- +goose StatementBegin
create function deployments_plan(one uuid default null)
    returns table (tenant_id uuid, version_id uuid, status text, desired boolean, served boolean, warm boolean)
    language sql stable security definer set search_path = public, pg_temp
as $$
    with shares as (
        select a.model_id, share ->> 'version' as version, false as warm
        from aliases a, jsonb_array_elements(a.traffic) as share
        where one is null or a.model_id = (select v.model_id from versions v where v.id = one)
        union all
        select a.model_id, share ->> 'version', m.moved_at > now() - interval '10 minutes'
        from aliases a
        cross join lateral (
            select l.before, l.moved_at from alias_moves l where l.model_id = a.model_id and l.alias = a.alias order by l.seq desc limit 5) m,
            jsonb_array_elements(m.before) as share
        where one is null or a.model_id = (select v.model_id from versions v where v.id = one)
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
    ), ids as (
        select id, true as desired, bool_or(warm) as warm from wanted group by id
        union all
        select d.version_id, false, false from deployments d where d.status in ('pending', 'starting', 'ready', 'idle')
        union all
        select one, false, false where one is not null
    ), facts as (
        select v.tenant_id, v.id, coalesce(d.status, 'none') as status, v.status in ('published', 'deprecated') as served,
            d.status is distinct from 'failed' or coalesce(v.wanted_at > d.updated_at, false) as startable, i.desired, i.warm
        from ids i join versions v on v.id = i.id left join deployments d on d.version_id = v.id
        where one is null or i.id = one
    )
    select f.tenant_id, f.id, f.status, bool_or(f.desired) and f.served and f.startable, f.served, bool_or(f.warm)
    from facts f
    group by f.tenant_id, f.id, f.status, f.served, f.startable;
$$;
-- +goose StatementEnd

-- The versions, and their names, that a host should look at although nothing has told it to: what should run and does not, or is on its way
-- for longer than half a minute, and what runs and should not. None for which an event of the kind is on its way and posted again soon. What
-- stays as it is for 20 minutes comes up each quarter of an hour.
-- +goose StatementBegin
create function deployments_due(kind text, most int) returns table (tenant_id uuid, version_id uuid, name text)
    language sql stable security definer set search_path = public, pg_temp
as $$
    with facts as (
        select p.*, t.name || '/' || m.name || '@' || v.version as name, now() - coalesce(d.updated_at, v.published_at) as age
        from deployments_plan() p join versions v on v.id = p.version_id join models m on m.id = v.model_id join tenants t on t.id = v.tenant_id
            left join deployments d on d.version_id = p.version_id
    )
    select f.tenant_id, f.version_id, f.name
    from facts f
    where case
            when f.desired and f.status in ('ready', 'idle') or f.age < interval '30 seconds' then false
            when f.desired and f.status in ('none', 'removed', 'failed') then true
            when f.status = 'failed' then false
            else f.age < interval '20 minutes' or extract(epoch from f.age)::bigint / 60 % 15 = 0
        end
        and not exists (
            select from outbox o
            where o.done_at is null and o.next_at < now() + interval '2 minutes'
                and o.type = kind and o.subject = f.name and o.tenant_id = f.tenant_id)
    limit most;
$$;
-- +goose StatementEnd

call maas_definer('deployments_plan(uuid)', 'maas_deployment');
call maas_definer('deployments_due(text, int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function deployments_due(text, int);
drop function deployments_plan(uuid);
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
grant create on schema public to maas_definer;
call maas_definer('deployments_plan()', 'maas_deployment');
revoke create on schema public from maas_definer;
revoke select on tenants from maas_definer;
alter table audit_entries drop column why;
