-- +goose Up

-- Why a start failed: passing, so that the host tries again at retry_at (null while it tries, or where the host alone knows when), or lasting.
-- attempts counts the starts that failed since the version last answered or was asked for.
alter table deployments
    add column failure  text not null default '' check (failure in ('', 'passing', 'lasting')),
    add column attempts int  not null default 0 check (attempts >= 0),
    add column retry_at timestamptz;
update deployments set failure = 'lasting', attempts = 1 where status = 'failed';

-- The versions, and their names, that a host should look at although nothing has told it to, as before. New: what is to be tried again is due at its
-- time, and not before.
-- +goose StatementBegin
create or replace function deployments_due(kind text, most int) returns table (tenant_id uuid, version_id uuid, name text)
    language sql stable security definer set search_path = public, pg_temp
as $$
    with facts as (
        select p.*, t.name || '/' || m.name || '@' || v.version as name, now() - coalesce(d.updated_at, v.published_at) as age, d.retry_at
        from deployments_plan() p join versions v on v.id = p.version_id join models m on m.id = v.model_id join tenants t on t.id = v.tenant_id
            left join deployments d on d.version_id = p.version_id
    )
    select f.tenant_id, f.version_id, f.name
    from facts f
    where case
            when f.desired and f.status = 'starting' and f.retry_at is not null then f.retry_at <= now()
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
-- +goose Down
-- +goose StatementBegin
create or replace function deployments_due(kind text, most int) returns table (tenant_id uuid, version_id uuid, name text)
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
alter table deployments drop column failure, drop column attempts, drop column retry_at;
