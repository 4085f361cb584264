-- Dead letters of what no function of ours has signed have a bound, and all dead letters an age at which they are deleted.

-- +goose Up

-- An earlier release did not say which of its letters were signed: they stay as if they were.
alter table dead_letters add column signed boolean not null default true;
create index dead_letters_unsigned on dead_letters (consumer) where not signed;
create index dead_letters_replayed on dead_letters (replayed_at) where replayed_at is not null;

grant create on schema public to maas_definer;

-- Keeps what nobody of ours has signed, unless as many of the consumer's are kept as may be. It gives whether the letter is there.
-- +goose StatementBegin
create function dead_letter_keep_unsigned(letter uuid, receiver text, event text, reason text, most int) returns boolean
    language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    if (select count(*) from dead_letters d where d.consumer = receiver and not d.signed) < most then
        perform pg_advisory_xact_lock(hashtext('dead_letter_keep_unsigned'));
        insert into dead_letters (id, tenant_id, consumer, event, reason, signed)
        select letter, '00000000-0000-0000-0000-000000000000', receiver, event, reason, false
        where (select count(*) from dead_letters d where d.consumer = receiver and not d.signed) < most
        on conflict (id) do nothing;
    end if;
    return exists (select from dead_letters d where d.id = letter);
end
$$;
-- +goose StatementEnd
call maas_definer('dead_letter_keep_unsigned(uuid, text, text, text, int)',
    'maas_identity', 'maas_catalog', 'maas_transfer', 'maas_deployment', 'maas_usage', 'maas_webhook', 'maas_sweep');

-- As in 00001, and dead letters: unsigned ones after 7 days, replayed ones after 30, all others after 90.
-- +goose StatementBegin
create or replace function trail_trim(most int) returns bigint
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
    total := total + n;
    delete from dead_letters where id in (
        select id from dead_letters
        where not signed and died_at < now() - interval '7 days' or replayed_at < now() - interval '30 days' or died_at < now() - interval '90 days'
        limit most);
    get diagnostics n = row_count;
    return total + n;
end
$$;
-- +goose StatementEnd
call maas_definer('trail_trim(int)', 'maas_sweep');

-- As in 00009, without the letters that nobody can replay.
-- +goose StatementBegin
create or replace function trail_backlog(out oldest_seconds double precision, out letters bigint)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select coalesce((select extract(epoch from now() - min(time)) from outbox where done_at is null), 0)::double precision,
           (select count(*) from dead_letters where replayed_at is null and signed);
$$;
-- +goose StatementEnd
call maas_definer('trail_backlog()', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
grant create on schema public to maas_definer;
-- +goose StatementBegin
create or replace function trail_backlog(out oldest_seconds double precision, out letters bigint)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select coalesce((select extract(epoch from now() - min(time)) from outbox where done_at is null), 0)::double precision,
           (select count(*) from dead_letters where replayed_at is null);
$$;
-- +goose StatementEnd
call maas_definer('trail_backlog()', 'maas_sweep');
-- +goose StatementBegin
create or replace function trail_trim(most int) returns bigint
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
call maas_definer('trail_trim(int)', 'maas_sweep');
revoke create on schema public from maas_definer;
drop function dead_letter_keep_unsigned(uuid, text, text, text, int);
drop index dead_letters_replayed, dead_letters_unsigned;
alter table dead_letters drop column signed;
