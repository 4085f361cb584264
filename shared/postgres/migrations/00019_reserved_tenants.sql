-- These names are reserved for the first segments of paths, and models and health for the inference protocol's below /v2/. Tenants that have one
-- keep it: the API's own routes have the tenant further back in the path. Only paths that begin with a tenant's name do not reach them.

-- +goose Up
-- +goose StatementBegin
do $$
declare
    tenant text;
begin
    set local role maas_definer; -- which sees all tenants
    for tenant in
        select name from tenants
        where name in ('v1', 'v2', 'openai', 'api', 'auth', 'upload', 'mcp', 'ui', 'health', 'version', 'schemas', 'models')
        order by name
    loop
        raise warning 'The tenant name "%" is reserved now. The tenant keeps working, but paths that begin with its name do not reach its models.', tenant
            using hint = 'Ask the tenant''s owner to move to another name.';
    end loop;
    reset role;
end
$$;
-- +goose StatementEnd

-- +goose Down
select 1; -- nothing was changed
