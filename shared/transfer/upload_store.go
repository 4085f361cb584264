package transfer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// The statuses as SQL has them.
const (
	openStatus         = `'` + string(api.UploadOpen) + `'`
	verifiableStatuses = `'` + string(api.UploadCompleting) + `', '` + string(api.UploadVerifying) + `'`
)

var underwayStatuses = postgres.Literals(api.UploadStatuses(), func(s api.UploadStatus) bool { return !s.Ended() })

const (
	// modelSQL is the id of an upload's model. A row of an earlier release has none: its draft tells.
	modelSQL   = `coalesce(u.model_id, (select v.model_id from versions v where v.id = u.version_id))`
	ofModelSQL = `(u.model_id is null or exists (select from models m where m.id = u.model_id))`

	columns = `u.id, u.tenant_id, u.version_id, u.model, u.version, u.path, u.size, u.chunk_size, u.first_chunk_size, u.chunk_count, u.multipart,
		u.status, u.phase, u.Revision, u.owner, u.sha256, u.md5, u.format, u.digest, u.hashed, u.error_code, u.error_detail, u.expires_at,
		coalesce(` + modelSQL + `, '00000000-0000-0000-0000-000000000000'), not ` + ofModelSQL + `,
		coalesce(r.chunks, 0), coalesce(r.bytes, 0)`
	fromSQL = ` from uploads u left join upload_received r on r.upload = u.id `

	insertSQL = `
		insert into uploads (id, version_id, model, version, path, size, chunk_size, first_chunk_size, chunk_count, multipart,
			owner, sha256, md5, format, expires_at, model_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	findSQL = `select ` + columns + fromSQL + `where u.id = $1`
	lockSQL = `select from uploads where id = $1 for update`
	// Chunks share the row's lock among themselves; what moves the upload waits for them, and they for it.
	shareSQL = `select from uploads where id = $1 for share`
	// Transactions that open or drop an upload of a tenant acquire this advisory lock, so that their number and a draft's last upload are counted
	// rightly. They do so before any lock of the catalogue's.
	lockDraftsSQL = `select pg_advisory_xact_lock(hashtextextended('uploads:' || maas_tenant(), 0))`
	countSQL      = `select count(*) from uploads u where u.status = ` + openStatus + ` and ` + ofModelSQL
	listSQL       = `select ` + columns + fromSQL + `
		where ($1::text[] is null or u.status = any($1)) and maas_sees($2, ` + modelSQL + `, split_part(u.model, '/', 2))
			and ($3::uuid is null or u.id < $3) and ` + ofModelSQL + `
		order by u.id desc limit $4`
	moveSQL     = `update uploads set status = $2, phase = $3 where id = $1`
	completeSQL = `update uploads set status = $2, phase = $3, digests = $4 where id = $1`
	digestsSQL  = `select digests from uploads where id = $1`
	digestOfSQL = `select coalesce(substring(digests from 32 * $2 + 1 for 32), '') from uploads where id = $1`
)

var (
	lastSQL = `select not exists (
		select from uploads where version_id = $1 and id <> $2 and status in (` + underwayStatuses + `))`
	recentSQL = `select ` + columns + fromSQL + `
		where maas_sees($1, ` + modelSQL + `, split_part(u.model, '/', 2))
			and (u.status in (` + underwayStatuses + `) or u.updated_at >= $2)
		order by u.updated_at desc limit $3`
	ofGoneSQL = `select u.id, u.status = ` + openStatus + ` from uploads u
		where u.status in (` + underwayStatuses + `) and not ` + ofModelSQL + ` order by u.id`
)

// find returns the upload with an id. It fails with NotFound if there is none, its model is deleted, or the caller may
// not see the model.
func find(ctx context.Context, tx postgres.Tx, who auth.Principal, id uuid.UUID) (session, error) {
	rows, err := tx.Query(ctx, findSQL, id)
	if err != nil {
		return session{}, err
	}
	s, err := pgx.CollectExactlyOneRow(rows, scan)
	if postgres.NotFound(err) || err == nil && (s.orphaned || !who.Sees(s.Model, s.modelID)) {
		return session{}, fault.New(fault.NotFound, "There is no such upload.")
	}
	return s, err
}

// findLocked is like find, but first locks the upload's row until the transaction ends.
func findLocked(ctx context.Context, tx postgres.Tx, who auth.Principal, id uuid.UUID) (session, error) {
	if err := lockUpload(ctx, tx, id); err != nil {
		return session{}, err
	}
	return find(ctx, tx, who, id)
}

// lockUploadShared locks the row in share mode until the transaction ends, so that chunks of the upload do not block each other. Without the row it does
// nothing.
func lockUploadShared(ctx context.Context, tx postgres.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, shareSQL, id)
	return err
}

// lockDrafts acquires the advisory lock under which the tenant opens and drops uploads. The transaction's end releases
// it.
func lockDrafts(ctx context.Context, tx postgres.Tx) error {
	_, err := tx.Exec(ctx, lockDraftsSQL)
	return err
}

// last reports whether no other upload into the draft is under way. The caller has locked the tenant's drafts.
func last(ctx context.Context, tx postgres.Tx, s session) (is bool, err error) {
	err = tx.QueryRow(ctx, lastSQL, s.versionID, s.ID).Scan(&is)
	return is, err
}

// checkQuota fails with QuotaExceeded if the tenant has as many open uploads as it may. The caller has locked the tenant's drafts.
func checkQuota(ctx context.Context, tx postgres.Tx, most int) error {
	var open int
	if err := tx.QueryRow(ctx, countSQL).Scan(&open); err != nil {
		return err
	}
	if open >= most {
		return fault.New(fault.QuotaExceeded, fmt.Sprintf("%d uploads are open already, which is the most: complete or cancel one.", open))
	}
	return nil
}

// insert adds an open upload.
func insert(ctx context.Context, tx postgres.Tx, s session) error {
	_, err := tx.Exec(ctx, insertSQL, s.ID, s.versionID, s.Model.String(), s.Version.String(), string(s.Path), s.Size, s.Chunk, s.First, s.Count,
		s.multipart.ID, s.owner, s.sha256.Bytes(), string(s.md5), s.format, s.Expires, s.modelID)
	return err
}

// move changes the upload's status and phase. It fails, by the table's trigger, for a status that CanBecome does not allow.
func move(ctx context.Context, tx postgres.Tx, id uuid.UUID, to api.UploadStatus, phase api.UploadPhase) error {
	_, err := tx.Exec(ctx, moveSQL, id, string(to), string(phase))
	return err
}

// complete marks an open upload as completed and stores the digests of its chunks, which are in the order of their indexes.
func complete(ctx context.Context, tx postgres.Tx, id uuid.UUID, chunks []held) error {
	digests := make([]byte, 0, len(chunks)*sha256.Size)
	for _, chunk := range chunks {
		digests = append(digests, chunk.SHA256.Bytes()...)
	}
	_, err := tx.Exec(ctx, completeSQL, id, string(api.UploadCompleting), string(api.Assembling), digests)
	return err
}

// completedWith returns the digests of a completed upload's chunks; none if an earlier release completed it.
func completedWith(ctx context.Context, tx postgres.Tx, id uuid.UUID) ([]ref.Digest, error) {
	var joined []byte
	if err := tx.QueryRow(ctx, digestsSQL, id).Scan(&joined); err != nil {
		return nil, err
	}
	digests := make([]ref.Digest, 0, len(joined)/sha256.Size)
	for sum := range slices.Chunk(joined, sha256.Size) {
		digests = append(digests, ref.DigestOf(sum))
	}
	return digests, nil
}

// completedDigest returns the digest of one chunk of a completed upload, zero if an earlier release completed it or there is no such chunk.
func completedDigest(ctx context.Context, tx postgres.Tx, id uuid.UUID, index int) (ref.Digest, error) {
	var sum []byte
	err := tx.QueryRow(ctx, digestOfSQL, id, index).Scan(&sum)
	return digest(sum), err
}

// ofGoneModels returns those of the tenant's uploads whose models are deleted: open ones, and those that are completing or verifying.
func ofGoneModels(ctx context.Context, tx postgres.Tx) (open, underway []uuid.UUID, err error) {
	rows, err := tx.Query(ctx, ofGoneSQL)
	if err != nil {
		return nil, nil, err
	}
	var id uuid.UUID
	var isOpen bool
	_, err = pgx.ForEachRow(rows, []any{&id, &isOpen}, func() error {
		if isOpen {
			open = append(open, id)
		} else {
			underway = append(underway, id)
		}
		return nil
	})
	return open, underway, err
}

// list returns up to p.Size+1 uploads of the statuses (nil for all) that the caller may know of, the latest first, from behind the upload p.After on; ""
// is the beginning. It fails if p.After is no UUID.
func list(ctx context.Context, tx postgres.Tx, who auth.Principal, among []api.UploadStatus, p page.Request) ([]session, error) {
	var after *uuid.UUID
	if p.After != "" {
		id, err := uuid.Parse(p.After)
		if err != nil {
			return nil, err
		}
		after = &id
	}
	return query(ctx, tx, listSQL, texts(among), who.Terms(), after, p.Size+1)
}

// recent returns the uploads under way that the caller may know of, and those that ended since, 200 at most.
func recent(ctx context.Context, tx postgres.Tx, who auth.Principal, since time.Time) ([]session, error) {
	return query(ctx, tx, recentSQL, who.Terms(), since, page.MaxSize)
}

// query returns the uploads that sql, which selects columns, gives for args, without their missing chunks. It fails as scan does.
func query(ctx context.Context, tx postgres.Tx, sql string, args ...any) ([]session, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// scan reads an upload from a row of columns, without its missing chunks. It fails if a name in it is malformed.
func scan(row pgx.CollectableRow) (session, error) {
	var s session
	var tenant uuid.UUID
	var model, version, code, detail string
	var declared, found []byte
	var revision, received int64
	err := row.Scan(&s.ID, &tenant, &s.versionID, &model, &version, &s.Path, &s.Size, &s.Chunk, &s.First, &s.Count, &s.multipart.ID,
		&s.Status, &s.Phase, &revision, &s.owner, &declared, &s.md5, &s.format, &found, &s.hashed, &code, &detail, &s.Expires, &s.modelID, &s.orphaned,
		&s.stored, &received)
	if err != nil {
		return s, err
	}
	if s.Model, err = ref.ParseModel(model); err != nil {
		return s, err
	}
	if s.Version, err = ref.ParseVersion(version); err != nil {
		return s, err
	}
	s.multipart.Key = objects.UploadKey(tenant, uuid.UUID(s.ID))
	s.sha256, s.SHA256 = digest(declared), digest(declared)
	if len(found) > 0 {
		s.SHA256 = digest(found)
	}
	if code != "" {
		s.Error = &api.UploadProblem{Code: code, Detail: detail}
	}
	s.Expires = s.Expires.UTC()
	s.Revision = fmt.Sprintf("%d.%d", revision, s.stored)
	return s.shown(received), nil
}

// texts converts a slice to strings; nil to nil.
func texts[T ~string](of []T) []string {
	if of == nil {
		return nil
	}
	all := make([]string, len(of))
	for i, one := range of {
		all[i] = string(one)
	}
	return all
}

const endSQL = `
	update uploads set status = $2, phase = $3, digest = $4, error_code = $5, error_detail = $6,
		lease_until = null, sha256_state = null, md5_state = null
	where id = $1`

const (
	overdueSQL = `select tenant_id, id, 0 from uploads_overdue($1)`
	idleSQL    = `select tenant_id, id, hashed from uploads_take_idle($1, $2)`
	freeSQL    = `select uploads_free()`
)

// finish writes how an upload ends, and drops the lease and the hashes' states of its verification.
func finish(
	ctx context.Context, tx postgres.Tx, id uuid.UUID, to api.UploadStatus, phase api.UploadPhase, found ref.Digest, p api.UploadProblem,
) error {
	_, err := tx.Exec(ctx, endSQL, id, string(to), string(phase), found.Bytes(), p.Code, p.Detail)
	return err
}

// lockUpload locks the upload's row until the transaction ends. Without the row it does nothing.
func lockUpload(ctx context.Context, tx postgres.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, lockSQL, id)
	return err
}

// overdueUploads returns up to most open uploads of all tenants whose time is over or whose model is deleted.
func overdueUploads(ctx context.Context, tx postgres.Tx, most int) ([]one, error) {
	return ofAllTenants(ctx, tx, overdueSQL, most)
}

// takeIdleUploads returns up to most uploads of all tenants whose verification has not advanced for the given time, and records that they were looked at.
func takeIdleUploads(ctx context.Context, tx postgres.Tx, idle time.Duration, most int) ([]one, error) {
	return ofAllTenants(ctx, tx, idleSQL, idle, most)
}

// ofAllTenants returns the uploads that a query selects by tenant, id and hashed bytes.
func ofAllTenants(ctx context.Context, tx postgres.Tx, sql string, args ...any) ([]one, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o one, err error) {
		err = row.Scan(&o.tenant, &o.id, &o.hashed)
		return o, err
	})
}

// endLeases ends all leases of chunks and verifications, of all tenants, so that their holders can write no more.
func endLeases(ctx context.Context, tx postgres.Tx) error {
	_, err := tx.Exec(ctx, freeSQL)
	return err
}
