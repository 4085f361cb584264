-- The ledger tells models apart by their ids: a name can be used again, and then the calls of the model that had it before are not the new one's.

-- +goose Up

-- The id is the model's, or the version's where the model was gone when its call was counted, and zero where neither is known.
alter table usage_events add column version_id uuid, add column model_id uuid;
alter table usage_rollups add column model_id uuid not null default '00000000-0000-0000-0000-000000000000';
alter table usage_latencies add column model_id uuid not null default '00000000-0000-0000-0000-000000000000';

-- What was summed before goes to the model that has the name, from the hour on in which it was made.
update usage_rollups r set model_id = m.id
from models m join tenants t on t.id = m.tenant_id
where r.tenant_id = m.tenant_id and r.model = t.name || '/' || m.name and r.hour > m.created_at - interval '1 hour';
update usage_latencies l set model_id = m.id
from models m join tenants t on t.id = m.tenant_id
where l.tenant_id = m.tenant_id and l.model = t.name || '/' || m.name and l.hour > m.created_at - interval '1 hour';

alter table usage_rollups drop constraint usage_rollups_pkey, add primary key (tenant_id, hour, model_id, model, version, actor);
alter table usage_latencies drop constraint usage_latencies_pkey, add primary key (tenant_id, hour, model_id, model, version, bucket);

grant select on models to maas_usage;

-- +goose StatementBegin
create or replace function usage_record(batch_pod uuid, batch_first bigint, batch_last bigint, calls jsonb) returns int
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    d     date;
    added int;
begin
    for d in select distinct (c.time at time zone 'utc')::date from jsonb_to_recordset(calls) as c (time timestamptz) order by 1 loop
        perform usage_day(d);
    end loop;
    insert into usage_batches (pod, first, last) values (batch_pod, batch_first, batch_last) on conflict do nothing;
    with fresh as (
        insert into usage_events
            (day, pod, number, tenant_id, time, request, model, version, actor, status, cached, total_us, queue_us, cold_start_us, compute_us,
             bytes_in, bytes_out, version_id, model_id)
        select (c.time at time zone 'utc')::date, batch_pod, c.number, c.tenant, c.time, c.request, c.model, c.version, c.actor, c.status,
            coalesce(c.cached, false), c.total_us, coalesce(c.queue_us, 0), coalesce(c.cold_start_us, 0), coalesce(c.compute_us, 0),
            coalesce(c.bytes_in, 0), coalesce(c.bytes_out, 0), c.version_id,
            coalesce(v.model_id, c.version_id, '00000000-0000-0000-0000-000000000000')
        from jsonb_to_recordset(calls) as c (
            number bigint, tenant uuid, time timestamptz, request text, model text, version text, version_id uuid, actor text, status int,
            cached boolean, total_us bigint, queue_us bigint, cold_start_us bigint, compute_us bigint, bytes_in bigint, bytes_out bigint)
        left join versions v on v.id = c.version_id and v.tenant_id = c.tenant
        on conflict do nothing
        returning *
    ), summed as (
        insert into usage_rollups as r
            (tenant_id, hour, model_id, model, version, actor, requests, errors, refused, cached, cold_starts, compute_us, queue_us, cold_start_us,
             bytes_in, bytes_out)
        select tenant_id, date_trunc('hour', time, 'utc'), model_id, model, version, actor, count(*),
            count(*) filter (where status >= 500 or status = 429), count(*) filter (where status between 400 and 499 and status <> 429),
            count(*) filter (where cached), count(*) filter (where cold_start_us > 0),
            sum(compute_us), sum(queue_us), sum(cold_start_us), sum(bytes_in), sum(bytes_out)
        from fresh
        group by 1, 2, 3, 4, 5, 6
        order by 1, 2, 3, 4, 5, 6 -- rows are locked in one order by all
        on conflict (tenant_id, hour, model_id, model, version, actor) do update set
            requests = r.requests + excluded.requests, errors = r.errors + excluded.errors, refused = r.refused + excluded.refused,
            cached = r.cached + excluded.cached, cold_starts = r.cold_starts + excluded.cold_starts,
            compute_us = r.compute_us + excluded.compute_us, queue_us = r.queue_us + excluded.queue_us,
            cold_start_us = r.cold_start_us + excluded.cold_start_us,
            bytes_in = r.bytes_in + excluded.bytes_in, bytes_out = r.bytes_out + excluded.bytes_out
    ), timed as (
        insert into usage_latencies as l (tenant_id, hour, model_id, model, version, bucket, calls)
        select tenant_id, date_trunc('hour', time, 'utc'), model_id, model, version,
            ceil(8 * log(2, greatest(total_us, 1)::numeric))::int, count(*)
        from fresh
        group by 1, 2, 3, 4, 5, 6
        order by 1, 2, 3, 4, 5, 6
        on conflict (tenant_id, hour, model_id, model, version, bucket) do update set calls = l.calls + excluded.calls
    )
    select count(*) into added from fresh;
    return added;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function usage_record(batch_pod uuid, batch_first bigint, batch_last bigint, calls jsonb) returns int
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    d     date;
    added int;
begin
    for d in select distinct (c.time at time zone 'utc')::date from jsonb_to_recordset(calls) as c (time timestamptz) order by 1 loop
        perform usage_day(d);
    end loop;
    insert into usage_batches (pod, first, last) values (batch_pod, batch_first, batch_last) on conflict do nothing;
    with fresh as (
        insert into usage_events
            (day, pod, number, tenant_id, time, request, model, version, actor, status, cached, total_us, queue_us, cold_start_us, compute_us,
             bytes_in, bytes_out)
        select (c.time at time zone 'utc')::date, batch_pod, c.number, c.tenant, c.time, c.request, c.model, c.version, c.actor, c.status,
            coalesce(c.cached, false), c.total_us, coalesce(c.queue_us, 0), coalesce(c.cold_start_us, 0), coalesce(c.compute_us, 0),
            coalesce(c.bytes_in, 0), coalesce(c.bytes_out, 0)
        from jsonb_to_recordset(calls) as c (
            number bigint, tenant uuid, time timestamptz, request text, model text, version text, actor text, status int, cached boolean,
            total_us bigint, queue_us bigint, cold_start_us bigint, compute_us bigint, bytes_in bigint, bytes_out bigint)
        on conflict do nothing
        returning *
    ), summed as (
        insert into usage_rollups as r
        select tenant_id, date_trunc('hour', time, 'utc'), model, version, actor, count(*),
            count(*) filter (where status >= 500 or status = 429), count(*) filter (where status between 400 and 499 and status <> 429),
            count(*) filter (where cached), count(*) filter (where cold_start_us > 0),
            sum(compute_us), sum(queue_us), sum(cold_start_us), sum(bytes_in), sum(bytes_out)
        from fresh
        group by 1, 2, 3, 4, 5
        order by 1, 2, 3, 4, 5 -- rows are locked in one order by all
        on conflict (tenant_id, hour, model, version, actor) do update set
            requests = r.requests + excluded.requests, errors = r.errors + excluded.errors, refused = r.refused + excluded.refused,
            cached = r.cached + excluded.cached, cold_starts = r.cold_starts + excluded.cold_starts,
            compute_us = r.compute_us + excluded.compute_us, queue_us = r.queue_us + excluded.queue_us,
            cold_start_us = r.cold_start_us + excluded.cold_start_us,
            bytes_in = r.bytes_in + excluded.bytes_in, bytes_out = r.bytes_out + excluded.bytes_out
    ), timed as (
        insert into usage_latencies as l
        select tenant_id, date_trunc('hour', time, 'utc'), model, version, ceil(8 * log(2, greatest(total_us, 1)::numeric))::int, count(*)
        from fresh
        group by 1, 2, 3, 4, 5
        order by 1, 2, 3, 4, 5
        on conflict (tenant_id, hour, model, version, bucket) do update set calls = l.calls + excluded.calls
    )
    select count(*) into added from fresh;
    return added;
end
$$;
-- +goose StatementEnd

revoke select on models from maas_usage;
create temporary table kept on commit drop as
    select tenant_id, hour, model, version, actor, sum(requests)::bigint as requests, sum(errors)::bigint as errors, sum(refused)::bigint as refused,
        sum(cached)::bigint as cached, sum(cold_starts)::bigint as cold_starts, sum(compute_us)::bigint as compute_us,
        sum(queue_us)::bigint as queue_us, sum(cold_start_us)::bigint as cold_start_us, sum(bytes_in)::bigint as bytes_in,
        sum(bytes_out)::bigint as bytes_out
    from usage_rollups group by 1, 2, 3, 4, 5;
delete from usage_rollups;
alter table usage_rollups drop constraint usage_rollups_pkey, add primary key (tenant_id, hour, model, version, actor), drop column model_id;
insert into usage_rollups select * from kept;
create temporary table kept_latencies on commit drop as
    select tenant_id, hour, model, version, bucket, sum(calls)::bigint as calls from usage_latencies group by 1, 2, 3, 4, 5;
delete from usage_latencies;
alter table usage_latencies drop constraint usage_latencies_pkey, add primary key (tenant_id, hour, model, version, bucket), drop column model_id;
insert into usage_latencies select * from kept_latencies;
alter table usage_events drop column version_id, drop column model_id;
