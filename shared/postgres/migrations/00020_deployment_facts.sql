-- +goose Up

-- When hosts were last asked to look at the version although nothing had changed.
alter table deployments add column woken_at timestamptz;

create index versions_unready on versions (status) where ready_at is null;

-- What is known of versions and their deployments, for the program to decide which should run and which are due. The functions select; they
-- decide nothing. They replace deployments_planned, deployments_plan and deployments_due, which the version before calls while an upgrade is
-- under way, and which a later migration drops.
--
-- deployment_facts gives the versions that aliases lead to or led to before (moves back), that were called or asked for within the intervals, that
-- have never started and have one of the statuses given as unstarted, and whose deployment has one of the statuses given as standing. post_at is when the next event of the kind that has the version's id is posted.
grant create on schema public to maas_definer;
-- +goose StatementBegin
create function deployment_facts(moves int, called interval, wanted interval, unstarted text[], standing text[], kind text)
    returns table (at timestamptz, tenant_id uuid, version_id uuid, version_status text, published_at timestamptz, ready_at timestamptz,
        wanted_at timestamptz, status text, updated_at timestamptz, last_called timestamptz, retry_at timestamptz, woken_at timestamptz,
        target boolean, left_at timestamptz, post_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
as $$
    with shares as (
        select a.model_id, share ->> 'version' as version, true as target, null::timestamptz as left_at
        from aliases a, jsonb_array_elements(a.traffic) as share
        union all
        select a.model_id, share ->> 'version', false, m.moved_at
        from aliases a
        cross join lateral (
            select l.before, l.moved_at from alias_moves l where l.model_id = a.model_id and l.alias = a.alias order by l.seq desc limit moves) m,
            jsonb_array_elements(m.before) as share
    ), found as (
        select v.id, s.target, s.left_at from shares s join versions v on v.model_id = s.model_id and v.version = s.version
        union all
        select d.version_id, false, null from deployments d where d.last_called > now() - called
        union all
        select d.version_id, false, null from deployments d where d.status = any (standing)
        union all
        select v.id, false, null from versions v where v.wanted_at > now() - wanted
        union all
        select v.id, false, null from versions v where v.status = any (unstarted) and v.ready_at is null
    ), each as (
        select id, bool_or(target) as target, max(left_at) as left_at from found group by id
    ), posts as (
        select o.data ->> 'version_id' as version, min(o.next_at) as post_at
        from outbox o
        where o.done_at is null and o.type = kind
        group by o.data ->> 'version_id'
    )
    select now(), v.tenant_id, v.id, v.status, v.published_at, v.ready_at, v.wanted_at,
        d.status, d.updated_at, d.last_called, d.retry_at, d.woken_at, e.target, e.left_at, p.post_at
    from each e join versions v on v.id = e.id left join deployments d on d.version_id = v.id left join posts p on p.version = v.id::text;
$$;
-- +goose StatementEnd

-- deployment_facts_of gives the same of one version, without post_at, from the rows of its model.
-- +goose StatementBegin
create function deployment_facts_of(one uuid, moves int)
    returns table (at timestamptz, tenant_id uuid, version_id uuid, version_status text, published_at timestamptz, ready_at timestamptz,
        wanted_at timestamptz, status text, updated_at timestamptz, last_called timestamptz, retry_at timestamptz, woken_at timestamptz,
        target boolean, left_at timestamptz, post_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select now(), v.tenant_id, v.id, v.status, v.published_at, v.ready_at, v.wanted_at,
        d.status, d.updated_at, d.last_called, d.retry_at, d.woken_at,
        exists (select from aliases a where a.model_id = v.model_id and a.traffic @> s.share),
        (select max(l.moved_at)
            from aliases a
            cross join lateral (
                select l.before, l.moved_at from alias_moves l where l.model_id = a.model_id and l.alias = a.alias order by l.seq desc limit moves) l
            where a.model_id = v.model_id and l.before @> s.share),
        null::timestamptz
    from versions v
        cross join lateral (select jsonb_build_array(jsonb_build_object('version', v.version)) as share) s
        left join deployments d on d.version_id = v.id
    where v.id = one;
$$;
-- +goose StatementEnd
call maas_definer('deployment_facts(int, interval, interval, text[], text[], text)', 'maas_deployment');
call maas_definer('deployment_facts_of(uuid, int)', 'maas_deployment');
revoke create on schema public from maas_definer;

-- +goose Down
drop function deployment_facts_of(uuid, int);
drop function deployment_facts(int, interval, interval, text[], text[], text);
drop index versions_unready;
alter table deployments drop column woken_at;
