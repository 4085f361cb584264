-- +goose Up

-- A function reads which migrations have run before it calls itself ready. Their numbers are no secret.
grant select on goose_db_version to public;

-- +goose Down

revoke select on goose_db_version from public;
