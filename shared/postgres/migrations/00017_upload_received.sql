-- What of an upload is stored is counted as chunks are stored, so that a chunk costs the same however many are stored already.

-- +goose Up
create table upload_received (
    upload    uuid   primary key references uploads on delete cascade,
    tenant_id uuid   not null,
    chunks    int    not null check (chunks >= 0),
    bytes     bigint not null check (bytes >= 0)
) with (fillfactor = 50); -- each update of a row finds room on its page
call maas_isolate('upload_received');
grant select on upload_received to maas_transfer;
grant select, insert, update, delete on upload_received to maas_definer;
grant create on schema public to maas_definer;

-- It counts for functions of this and of earlier releases alike. A statement changes chunks of one upload, whose row
-- is locked before: shared by those who store chunks, which lock nothing after this row, or by one alone.
-- +goose StatementBegin
create function upload_chunks_count() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    case tg_op
    when 'INSERT' then
        insert into upload_received as r (upload, tenant_id, chunks, bytes)
        select c.upload, c.tenant_id, count(*), sum(c.size) from after c where c.state = 'stored' group by c.upload, c.tenant_id
        on conflict (upload) do update set chunks = r.chunks + excluded.chunks, bytes = r.bytes + excluded.bytes;
    when 'UPDATE' then
        insert into upload_received as r (upload, tenant_id, chunks, bytes)
        select c.upload, c.tenant_id, count(*), sum(c.size)
        from after c join before b on b.upload = c.upload and b.index = c.index
        where c.state = 'stored' and b.state <> 'stored' group by c.upload, c.tenant_id
        on conflict (upload) do update set chunks = r.chunks + excluded.chunks, bytes = r.bytes + excluded.bytes;
    when 'DELETE' then
        update upload_received r set chunks = r.chunks - gone.chunks, bytes = r.bytes - gone.bytes
        from (select c.upload, count(*) as chunks, sum(c.size) as bytes from before c where c.state = 'stored' group by c.upload) gone
        where r.upload = gone.upload;
    end case;
    return null;
end
$$;
-- +goose StatementEnd
call maas_definer('upload_chunks_count()', current_user::text); -- who makes a trigger may execute its function
create trigger upload_chunks_inserted after insert on upload_chunks
    referencing new table as after for each statement execute function upload_chunks_count();
create trigger upload_chunks_updated after update on upload_chunks
    referencing old table as before new table as after for each statement execute function upload_chunks_count();
create trigger upload_chunks_deleted after delete on upload_chunks
    referencing old table as before for each statement execute function upload_chunks_count();
revoke create on schema public from maas_definer;

-- From here on nobody changes a chunk until this commits.
set local role maas_definer;
insert into upload_received (upload, tenant_id, chunks, bytes)
select upload, tenant_id, count(*), sum(size) from upload_chunks where state = 'stored' group by upload, tenant_id;
reset role;

-- +goose Down
drop trigger upload_chunks_deleted on upload_chunks;
drop trigger upload_chunks_updated on upload_chunks;
drop trigger upload_chunks_inserted on upload_chunks;
drop function upload_chunks_count();
drop table upload_received;
