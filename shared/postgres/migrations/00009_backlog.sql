-- +goose Up
grant create on schema public to maas_definer;

-- What the operator is told of: how old the oldest event is that somebody is still to act on, and how many dead letters nobody has replayed.
-- +goose StatementBegin
create function trail_backlog(out oldest_seconds double precision, out letters bigint)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select coalesce((select extract(epoch from now() - min(time)) from outbox where done_at is null), 0)::double precision,
           (select count(*) from dead_letters where replayed_at is null);
$$;
-- +goose StatementEnd

call maas_definer('trail_backlog()', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function trail_backlog();
