package invarianttest

import (
	"time"

	"github.com/17882237881/MaaS/shared/audit"
)

// aliases checks invariant 2: derived aliases lead to the versions that the ready releases imply, and each move of an alias has its event.
func (c *check) aliases() {
	c.Helper()
	c.none("2: latest, vN and vN.M lead where the ready releases imply", `
		with releases as (
			select model_id, version, status, major, minor, patch from versions
			where ready_at is not null and prerelease = '~' and status in ('published', 'deprecated')),
		named as (
			select r.*, alias from releases r, unnest(array['latest', 'v' || major, 'v' || major || '.' || minor]) as alias),
		implied as (
			select distinct on (model_id, alias) model_id, alias, version from named
			order by model_id, alias, status = 'published' desc, major desc, minor desc, patch desc)
		select coalesce(i.alias, a.alias) || ' leads to ' || coalesce(a.traffic::text, 'nothing') || ', implied is ' || coalesce(i.version, 'nothing')
		from implied i full join (select * from aliases where kind = 'derived') a using (model_id, alias)
		where a.traffic is distinct from jsonb_build_array(jsonb_build_object('version', i.version, 'weight', 100))
			and not exists (select from aliases s where s.model_id = i.model_id and s.alias = i.alias and s.kind = 'set')`)
	c.equal("2: every move of an alias is in the ledger and in the outbox",
		`select count(*) from alias_moves`, `select count(*) from outbox where type = 'maas.alias.moved.v1'`)
}

// settle waits until all events are done. If that takes longer than within, it fails the test.
func (c *check) settle(within time.Duration) {
	c.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		var waiting int
		if err := c.owner.QueryRow(c.ctx, `select count(*) from outbox where done_at is null`).Scan(&waiting); err != nil {
			c.Fatal(err)
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(end) {
			c.none("4: every event arrives", `select type || ' ' || subject from outbox where done_at is null`)
			return
		}
	}
}

// events checks invariant 4: each state has the event that tells of it, and each event has taken effect once.
func (c *check) events() {
	c.Helper()
	if !c.poisoned {
		c.none("4: no event is a dead letter", `select consumer || ': ' || reason || ': ' || event from dead_letters`)
	}
	c.none("4: a completed upload has its event, once", `
		select u.id::text || ' ' || u.status from uploads u where u.status in ('completing', 'verifying', 'ready', 'rejected')
			and 1 <> (select count(*) from outbox o where o.type = 'maas.upload.completed.v1' and o.subject = u.id::text)`)
	c.none("4: a verified or rejected upload has its event, once", `
		select u.id::text || ' ' || u.status from uploads u where u.status in ('ready', 'rejected') and 1 <> (
			select count(*) from outbox o where o.subject = u.id::text
				and o.type = case u.status when 'ready' then 'maas.upload.verified.v1' else 'maas.upload.rejected.v1' end)`)
	c.none("4: a published version has its event, once", `
		select v.version from versions v join models m on m.id = v.model_id join tenants t on t.id = v.tenant_id
		where v.status <> 'draft' and 1 <> (select count(*) from outbox o
			where o.tenant_id = v.tenant_id and o.type = 'maas.version.published.v1' and o.subject = t.name || '/' || m.name || '@' || v.version)`)
	c.none("4: a version that runs has told so", `
		select v.version from deployments d join versions v on v.id = d.version_id where d.status in ('ready', 'idle')
			and not exists (select from outbox o where o.type = 'maas.deployment.ready.v1' and o.data ->> 'version_id' = v.id::text)`)
	c.none("4: an event has one receipt at each consumer", `
		select o.type || ' ' || o.subject from outbox o join inbox i on i.id = o.id and i.source = o.source
		where i.done_at is not null group by o.id, o.type, o.subject, i.consumer having count(*) > 1`)
}

// audit checks invariant 6: the chains verify, and each act has as many entries as it happened. It seals all entries.
func (c *check) audit() {
	c.Helper()
	for action, acts := range map[string]string{
		"model.create":    `select (select count(*) from models) + (select count(*) from audit_entries where action = 'model.delete')`,
		"upload.create":   `select count(*) from uploads`,
		"upload.complete": `select count(*) from uploads where status in ('completing', 'verifying', 'ready', 'rejected')`,
		"upload.verify":   `select count(*) from uploads where status = 'ready'`,
		"upload.reject":   `select count(*) from uploads where status = 'rejected'`,
		"version.publish": `select count(*) from outbox where type = 'maas.version.published.v1'`, // versions may have gone with their model
		"alias.move":      `select count(*) from alias_moves`,
	} {
		c.equal("6: each "+action+" has its entry", acts, `
			select count(*) from audit_entries where action = '`+action+`' and outcome = case action when 'upload.reject' then 'refused' else 'done' end`)
	}
	for _, tenant := range c.tenants() {
		if err := audit.SealTenant(c.ctx, c.db, tenant); err != nil {
			c.Errorf("6: seal: %v", err)
		}
		if report, err := audit.Verify(c.ctx, c.db, tenant); err != nil || report.Broken != 0 {
			c.Errorf("6: the chain of tenant %s: %+v, %v", tenant, report, err)
		}
	}
	c.none("6: every entry is sealed", `
		select e.action from audit_entries e where not exists (select from audit_chain c where c.entry = e.id)`)
}
