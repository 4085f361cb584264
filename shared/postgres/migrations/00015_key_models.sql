-- A key that is limited to models is bound to those that there were when it was made: another model that takes a name later is not the key's.

-- +goose Up

-- model_ids: of each of models, the id of the model that had the name when the key was made; null for a pattern, and where there was no model.
alter table api_keys add column model_ids uuid[];

set local role maas_definer;
update api_keys k set model_ids = array(
    select (select m.id from models m where m.tenant_id = k.tenant_id and m.name = u.name and m.created_at <= k.created_at)
    from unnest(k.models) with ordinality as u (name, place) order by u.place)
where k.models is not null;
reset role;

alter table api_keys add constraint api_keys_model_ids check (
    (models is null) = (model_ids is null) and coalesce(cardinality(models) = cardinality(model_ids), true));

grant select (id, tenant_id, name) on models to maas_identity;

-- It is a trigger so that keys that an earlier release makes are bound too.
-- +goose StatementBegin
create function api_keys_bind() returns trigger
    language plpgsql
as $$
begin
    new.model_ids := case when new.models is not null then array(
        select (select m.id from models m where m.tenant_id = new.tenant_id and m.name = u.name)
        from unnest(new.models) with ordinality as u (name, place) order by u.place) end;
    return new;
end
$$;
-- +goose StatementEnd
create trigger api_keys_bind before insert on api_keys for each row execute function api_keys_bind();

-- Whether limits (auth.Principal.Terms) allow a model: null allows all, 'id:<id>' one model, and what else is in them the names that are like it. No name has
-- a colon.
create function maas_sees(limits text[], id uuid, name text) returns boolean
    language sql immutable parallel safe
    return limits is null or 'id:' || id::text = any (limits) or name like any (limits);

grant create on schema public to maas_definer;

-- auth_key with the ids, of which the earlier release does not know.
-- +goose StatementBegin
create function auth_bound_key(key text) returns table (
    tenant_id uuid, tenant text, user_id uuid, roles text[], hash bytea, scopes text[], models text[], model_ids uuid[], expires_at timestamptz,
    stale boolean)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select k.tenant_id, t.name, k.user_id, m.roles, k.hash, k.scopes, k.models, k.model_ids, k.expires_at,
        k.last_used_at is null or k.last_used_at < now() - interval '1 minute'
    from api_keys k
    join tenants t on t.id = k.tenant_id
    join memberships m on m.tenant_id = k.tenant_id and m.user_id = k.user_id
    where k.id = key and (k.expires_at is null or k.expires_at > now());
$$;
-- +goose StatementEnd
call maas_definer('auth_bound_key(text)', 'maas_identity');
revoke create on schema public from maas_definer;

-- +goose Down
drop function auth_bound_key(text);
drop function maas_sees(text[], uuid, text);
drop trigger api_keys_bind on api_keys;
drop function api_keys_bind();
revoke select (id, tenant_id, name) on models from maas_identity;
alter table api_keys drop constraint api_keys_model_ids, drop column model_ids;
