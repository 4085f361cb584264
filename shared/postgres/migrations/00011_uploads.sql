-- +goose Up

-- model_id: an upload ends with its model, whose name may be used again. Null: the row was inserted by a release without the column.
-- digests: the SHA-256s of the chunks by index, joined, once the upload is completed; its rows in upload_chunks go before it does.
alter table uploads
    add column model_id uuid,
    add column digests bytea,
    add constraint uploads_digests check (length(digests) = 32 * chunk_count);
create index uploads_model on uploads (model_id) where status in ('open', 'completing', 'verifying');

-- An upload whose draft and model are gone is given an id that no model has.
set local role maas_definer;
update uploads u set model_id = coalesce(
    (select v.model_id from versions v where v.id = u.version_id),
    (select m.id from models m join tenants t on t.id = m.tenant_id
     where m.tenant_id = u.tenant_id and t.name || '/' || m.name = u.model and m.created_at <= u.created_at),
    u.version_id);
update uploads u set digests = (
    select string_agg(c.sha256, ''::bytea order by c.index) from upload_chunks c where c.upload = u.id and c.state = 'stored'
    having count(*) = u.chunk_count)
where u.status in ('completing', 'verifying');
reset role;

grant create on schema public to maas_definer;

-- Open uploads, of all tenants, whose time is over or whose model is deleted.
-- +goose StatementBegin
create or replace function uploads_overdue(most int) returns table (tenant_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select u.tenant_id, u.id from uploads u
    where u.status = 'open'
        and (u.expires_at <= now() or u.model_id is not null and not exists (select from models m where m.id = u.model_id))
    order by u.expires_at limit most;
$$;
-- +goose StatementEnd

call maas_definer('uploads_overdue(int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
grant create on schema public to maas_definer;
-- +goose StatementBegin
create or replace function uploads_overdue(most int) returns table (tenant_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select u.tenant_id, u.id from uploads u where u.status = 'open' and u.expires_at <= now() order by u.expires_at limit most;
$$;
-- +goose StatementEnd
call maas_definer('uploads_overdue(int)', 'maas_sweep');
revoke create on schema public from maas_definer;
drop index uploads_model;
alter table uploads drop constraint uploads_digests, drop column digests, drop column model_id;
