-- +goose Up

-- One row for each call of a model, for as long as the plan keeps them. Its key is the gateway process's number of the call, with which a
-- batch that is posted twice is counted once. A day's rows are a partition, so that they can go at once.
create table usage_events (
    day           date        not null, -- of time, in UTC
    pod           uuid        not null,
    number        bigint      not null,
    tenant_id     uuid        not null,
    time          timestamptz not null,
    request       text        not null,
    model         text        not null,
    version       text        not null,
    actor         text        not null, -- "key:<id>" or "user:<id>"
    status        int         not null,
    cached        boolean     not null,
    total_us      bigint      not null check (total_us >= 0),
    queue_us      bigint      not null check (queue_us >= 0),
    cold_start_us bigint      not null check (cold_start_us >= 0),
    compute_us    bigint      not null check (compute_us >= 0),
    bytes_in      bigint      not null check (bytes_in >= 0),
    bytes_out     bigint      not null check (bytes_out >= 0),
    primary key (day, pod, number)
) partition by range (day);

-- The numbers of each batch that a gateway process posted: what is missing between them was lost.
create table usage_batches (
    pod         uuid        not null,
    first       bigint      not null,
    last        bigint      not null check (last >= first),
    received_at timestamptz not null default now(),
    primary key (pod, first)
);

-- Sums of usage_events by hour, in the transaction that inserts them.
create table usage_rollups (
    tenant_id     uuid        not null,
    hour          timestamptz not null,
    model         text        not null,
    version       text        not null,
    actor         text        not null,
    requests      bigint      not null,
    errors        bigint      not null, -- 5xx and 429: what was not the caller's doing
    refused       bigint      not null, -- other 4xx
    cached        bigint      not null,
    cold_starts   bigint      not null,
    compute_us    bigint      not null,
    queue_us      bigint      not null,
    cold_start_us bigint      not null,
    bytes_in      bigint      not null,
    bytes_out     bigint      not null,
    primary key (tenant_id, hour, model, version, actor)
);

-- How many calls took how long: bucket b holds those from 2^((b-1)/8) to 2^(b/8) microseconds.
create table usage_latencies (
    tenant_id uuid        not null,
    hour      timestamptz not null,
    model     text        not null,
    version   text        not null,
    bucket    int         not null,
    calls     bigint      not null,
    primary key (tenant_id, hour, model, version, bucket)
);

call maas_isolate('usage_events');
call maas_isolate('usage_rollups');
call maas_isolate('usage_latencies');
grant select on usage_events, usage_rollups, usage_latencies to maas_usage;
grant select, insert, update on usage_rollups, usage_latencies, usage_batches to maas_definer;

-- Makes the partition of a day. Clocks that are far off, and days that are long past, are refused.
-- +goose StatementBegin
create function usage_day(d date) returns void
    language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    if d < current_date - 45 or d > current_date + 1 then
        raise exception 'usage of %: it is from 45 days ago to tomorrow', d using errcode = 'datetime_field_overflow';
    end if;
    if to_regclass(format('usage_days.d%s', to_char(d, 'YYYYMMDD'))) is null then
        perform pg_advisory_xact_lock(hashtext('usage_day'));
        execute format('create table if not exists usage_days.%I partition of usage_events for values from (%L) to (%L)',
            'd' || to_char(d, 'YYYYMMDD'), d, d + 1);
    end if;
end
$$;
-- +goose StatementEnd

-- Inserts a batch's calls and adds those that are new to the sums. It says how many are new.
-- +goose StatementBegin
create function usage_record(batch_pod uuid, batch_first bigint, batch_last bigint, calls jsonb) returns int
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

-- Drops the days before a day, and the batches received before it. It says how many days went.
-- +goose StatementBegin
create function usage_trim(before date) returns int
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    old  text;
    gone int := 0;
begin
    for old in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'usage_days' and c.relkind = 'r' and c.relname < 'd' || to_char(before, 'YYYYMMDD') loop
        execute format('drop table usage_days.%I', old);
        gone := gone + 1;
    end loop;
    delete from usage_batches where received_at < before;
    return gone;
end
$$;
-- +goose StatementEnd

-- The partitions' maker must own what they are partitions of, and the place where they are.
grant create on schema public to maas_definer;
create schema usage_days authorization maas_definer;
alter table usage_events owner to maas_definer;
grant delete on usage_batches to maas_definer;
alter function usage_day(date) owner to maas_definer;
revoke all on function usage_day(date) from public;
call maas_definer('usage_record(uuid, bigint, bigint, jsonb)', 'maas_usage');
call maas_definer('usage_trim(date)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function usage_trim(date);
drop function usage_record(uuid, bigint, bigint, jsonb);
drop function usage_day(date);
drop table usage_events, usage_batches, usage_rollups, usage_latencies;
drop schema usage_days cascade;
