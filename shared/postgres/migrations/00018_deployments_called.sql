-- +goose Up

-- deployments_planned is deployments_plan with the time of the last call, for hosts that do not change all at once.
grant create on schema public to maas_definer;
-- +goose StatementBegin
create function deployments_planned(one uuid)
    returns table (tenant_id uuid, version_id uuid, status text, desired boolean, served boolean, warm boolean, last_called timestamptz)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select p.*, d.last_called from deployments_plan(one) p left join deployments d on d.version_id = p.version_id;
$$;
-- +goose StatementEnd
call maas_definer('deployments_planned(uuid)', 'maas_deployment');
revoke create on schema public from maas_definer;

-- +goose Down
drop function deployments_planned(uuid);
