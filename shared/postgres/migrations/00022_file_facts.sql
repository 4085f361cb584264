-- What a file is depends on its path too, and on the release that read it: its artifact, which all files with the same bytes share, has what the first
-- reading found, and a file what its own reading found otherwise. The last release's functions go by the artifact alone.

-- +goose Up
alter table version_files
    add column format  text, -- each is null where it is as the artifact has it
    add column inputs  jsonb,
    add column outputs jsonb,
    add column details jsonb;

-- +goose Down
alter table version_files drop column format, drop column inputs, drop column outputs, drop column details;
