-- An alias cannot be called like a version or a range any more (v1.4.0, v1.x, v01): a reference by such a name means another thing, or nothing. Those
-- that are there end; their ledger says where they led.

-- +goose Up
with gone as (
    delete from aliases
    where alias !~ '^(latest|v(0|[1-9][0-9]*)([.](0|[1-9][0-9]*))?)$' and alias ~ '^(v?[0-9]+([.][0-9x]+)*|v?[0-9]+([.][0-9]+){2,}-.*|v?x([.]x)*)$'
    returning tenant_id, model_id, alias, traffic
), told as (
    insert into alias_moves (tenant_id, model_id, alias, moved_by, before, after, why)
    select tenant_id, model_id, alias, 'function:migrate', traffic, '[]', 'the name reads like a version or a range' from gone
)
update models set epoch = epoch + 1 where id in (select model_id from gone);

-- +goose Down
select 1; -- where they led stands in alias_moves
