-- +goose Up

-- An upload outlives the draft that it was for, so that its owner can read why it was rejected: version_id is no foreign key.
create table uploads (
    id               uuid primary key,
    tenant_id        uuid        not null default maas_tenant() references tenants on delete cascade,
    version_id       uuid        not null,
    model            text        not null, -- "acme/fraud"
    version          text        not null,
    path             text        not null,
    size             bigint      not null check (size > 0),
    chunk_size       bigint      not null check (chunk_size > 0),
    first_chunk_size bigint      not null check (first_chunk_size >= chunk_size),
    chunk_count      int         not null check (chunk_count = 1 + greatest(0, (size - first_chunk_size + chunk_size - 1) / chunk_size)),
    multipart        text        not null check (multipart <> ''), -- the store's id; the object's key follows from tenant and id
    owner            text        not null, -- the actor who began it
    sha256           bytea       check (length(sha256) = 32), -- as the client said
    md5              text        not null default '' check (md5 ~ '^([0-9a-f]{32})?$'),
    format           text        not null default '',
    status           text        not null default 'open'
        check (status in ('open', 'completing', 'verifying', 'ready', 'rejected', 'expired', 'cancelled')),
    phase            text        not null default 'receiving'
        check (phase in ('receiving', 'assembling', 'hashing', 'recognising', 'done')),
    revision         bigint      not null default 1, -- counts the changes that the resource shows
    digest           bytea       check (length(digest) = 32), -- as the bytes have it
    hashed           bigint      not null default 0 check (hashed between 0 and size),
    sha256_state     bytea,      -- of the hash after so many bytes
    md5_state        bytea,
    fence            bigint      not null default 0, -- counts the turns of verify-upload
    lease_until      timestamptz, -- of the turn; null: nobody is at it
    woken_at         timestamptz, -- when sweep last woke its verification
    error_code       text        not null default '',
    error_detail     text        not null default '',
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    expires_at       timestamptz not null,
    constraint uploads_hashed check (hashed = 0 or sha256_state is not null or status in ('ready', 'rejected')),
    constraint uploads_ready check (status <> 'ready' or digest is not null),
    constraint uploads_rejected check ((status = 'rejected') = (error_code <> ''))
);
create index uploads_list on uploads (tenant_id, id desc);
create index uploads_status on uploads (tenant_id, status, id desc);
create index uploads_active on uploads (version_id) where status in ('open', 'completing', 'verifying');
create index uploads_changed on uploads (tenant_id, updated_at);
create index uploads_expiring on uploads (expires_at) where status = 'open';
create index uploads_waiting on uploads (updated_at) where status in ('completing', 'verifying');

-- The state machine: open → completing → verifying → ready | rejected; open → cancelled | expired.
-- +goose StatementBegin
create function uploads_guard() returns trigger
    language plpgsql
as $$
begin
    if new.status <> old.status and (old.status, new.status) not in
        (('open', 'completing'), ('completing', 'verifying'), ('verifying', 'ready'), ('verifying', 'rejected'),
         ('open', 'cancelled'), ('open', 'expired')) then
        raise exception 'upload % is % and cannot become %', old.id, old.status, new.status
            using errcode = 'restrict_violation', constraint = 'uploads_transition';
    end if;
    if (new.status, new.phase, new.hashed, new.digest, new.error_code) is distinct from
        (old.status, old.phase, old.hashed, old.digest, old.error_code) then
        new.revision := old.revision + 1;
        new.updated_at := clock_timestamp();
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger uploads_guard before update on uploads for each row execute function uploads_guard();

-- A chunk's place. It is taken before a byte is read; writers of the same bytes share it, other bytes wait until its lease is over.
create table upload_chunks (
    upload     uuid        not null references uploads on delete cascade,
    index      int         not null check (index >= 0),
    tenant_id  uuid        not null default maas_tenant(),
    sha256     bytea       not null check (length(sha256) = 32),
    size       bigint      not null check (size > 0),
    state      text        not null default 'writing' check (state in ('writing', 'stored')),
    generation uuid        not null, -- of the writers that share the place; a settled or renewed claim must name it
    writers    int         not null default 1,
    until      timestamptz not null, -- of the writers' lease; what is stored needs none
    etag       text        not null default '',
    primary key (upload, index)
);

-- What was stored stays as it is.
-- +goose StatementBegin
create function upload_chunks_guard() returns trigger
    language plpgsql
as $$
begin
    if old.state = 'stored' and (new.state <> 'stored' or new.sha256 <> old.sha256) then
        raise exception 'chunk % of upload % is stored', old.index, old.upload
            using errcode = 'restrict_violation', constraint = 'upload_chunks_stored';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger upload_chunks_guard before update on upload_chunks for each row execute function upload_chunks_guard();

call maas_isolate('uploads');
call maas_isolate('upload_chunks');
grant select, insert, update on uploads to maas_transfer;
grant select, insert, update, delete on upload_chunks to maas_transfer;

-- Where sweep goes on with what is too long for one tick.
create table sweep_cursors (
    name     text primary key,
    position text not null
);
grant select, insert, update on sweep_cursors to maas_sweep;

-- Open uploads whose time is over, of all tenants.
-- +goose StatementBegin
create function uploads_overdue(most int) returns table (tenant_id uuid, id uuid)
    language sql stable security definer set search_path = public, pg_temp
as $$
    select u.tenant_id, u.id from uploads u where u.status = 'open' and u.expires_at <= now() order by u.expires_at limit most;
$$;
-- +goose StatementEnd

-- Takes up to most uploads whose verification nobody has been at for a while, to wake it; each is taken once in that while.
-- +goose StatementBegin
create function uploads_take_idle(idle interval, most int) returns table (tenant_id uuid, id uuid, hashed bigint)
    language sql security definer set search_path = public, pg_temp
as $$
    update uploads u set woken_at = now()
    from (select w.id from uploads w
          where w.status in ('completing', 'verifying') and coalesce(w.lease_until, w.updated_at) < now() - idle
              and w.updated_at < now() - idle and coalesce(w.woken_at, '-infinity') < now() - idle
          order by w.updated_at limit most for update skip locked) due
    where u.id = due.id
    returning u.tenant_id, u.id, u.hashed;
$$;
-- +goose StatementEnd

-- Those of the uploads that are under way.
-- +goose StatementBegin
create function uploads_underway(ids uuid[]) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
as $$
    select u.id from uploads u where u.id = any(ids) and u.status in ('open', 'completing', 'verifying');
$$;
-- +goose StatementEnd

-- Frees all leases, for a host that is alone with its data and has just started: whoever held them is dead.
-- +goose StatementBegin
create function uploads_free() returns void
    language sql security definer set search_path = public, pg_temp
as $$
    update uploads set lease_until = null, fence = fence + 1 where lease_until is not null;
    delete from upload_chunks where state = 'writing';
$$;
-- +goose StatementEnd

-- Tenants with entries that their audit chain does not have yet. An entry is committed within minutes of its time, so that what lies further
-- before the chain's last one is in it.
-- +goose StatementBegin
create function audit_unsealed(most int) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp
as $$
    select t.id from tenants t where exists (
        select from audit_entries e
        where e.tenant_id = t.id and not exists (select from audit_chain c where c.entry = e.id) and e.time > coalesce((
            select last.time - interval '10 minutes' from audit_chain c join audit_entries last on last.id = c.entry
            where c.tenant_id = t.id order by c.seq desc limit 1), '-infinity'))
    limit most;
$$;
-- +goose StatementEnd

grant select, update on uploads to maas_definer;
grant select, delete on upload_chunks to maas_definer;
grant create on schema public to maas_definer;
call maas_definer('uploads_overdue(int)', 'maas_sweep');
call maas_definer('uploads_take_idle(interval, int)', 'maas_sweep');
call maas_definer('uploads_underway(uuid[])', 'maas_sweep');
call maas_definer('uploads_free()', 'maas_sweep');
call maas_definer('audit_unsealed(int)', 'maas_sweep');
revoke create on schema public from maas_definer;

-- +goose Down
drop function audit_unsealed(int);
drop function uploads_free();
drop function uploads_underway(uuid[]);
drop function uploads_take_idle(interval, int);
drop function uploads_overdue(int);
drop table sweep_cursors, upload_chunks, uploads;
drop function upload_chunks_guard();
drop function uploads_guard();
