-- What each tenant allows in its models. A tenant without a row has the defaults.

-- +goose Up
create table policies (
    tenant_id  uuid primary key default maas_tenant() references tenants on delete cascade,
    formats    jsonb       not null, -- the rule of each kind of content that can run code
    updated_by text        not null,
    updated_at timestamptz not null default now()
);
call maas_isolate('policies');
grant select, insert, update on policies to maas_catalog;
grant select on policies to maas_transfer;

-- +goose Down
drop table policies;
