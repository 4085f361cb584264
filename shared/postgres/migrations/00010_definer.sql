-- maas_definer sees every tenant's rows by a policy. It needs no BYPASSRLS, which only a superuser or a role that has it may give: the owner of a
-- database at a cloud's provider is neither.

-- +goose Up
-- +goose StatementBegin
do $$
declare
    tbl regclass;
begin
    for tbl in select oid::regclass from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace loop
        execute format('create policy definer on %s to maas_definer using (true) with check (true)', tbl);
    end loop;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace procedure maas_isolate(tbl regclass)
    language plpgsql
as $$
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy tenant on %s using (tenant_id = maas_tenant()) with check (tenant_id = maas_tenant())', tbl);
    execute format('create policy definer on %s to maas_definer using (true) with check (true)', tbl);
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
do $$
declare
    tbl regclass;
begin
    for tbl in select polrelid::regclass from pg_policy where polname = 'definer' loop
        execute format('drop policy definer on %s', tbl);
    end loop;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace procedure maas_isolate(tbl regclass)
    language plpgsql
as $$
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy tenant on %s using (tenant_id = maas_tenant()) with check (tenant_id = maas_tenant())', tbl);
end
$$;
-- +goose StatementEnd
