package transfer

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// The states of a chunk's place: it is being written, or has a chunk for good.
const (
	writingState = `'writing'`
	storedState  = `'stored'`
)

const (
	// A place is free if nobody has it, if its writers' lease is over, or if they write the same bytes. Writers take it when they have all bytes.
	takeSQL = `
		insert into upload_chunks as c (upload, index, sha256, size, generation, until) values ($1, $2, $3, $4, $5, clock_timestamp() + $6)
		on conflict (upload, index) do update set
			sha256     = excluded.sha256,
			generation = case when c.until > clock_timestamp() then c.generation else excluded.generation end,
			writers    = case when c.until > clock_timestamp() then c.writers + 1 else 1 end,
			until      = excluded.until
		where c.state = ` + writingState + ` and (c.sha256 = excluded.sha256 or c.until <= clock_timestamp())
		returning generation`
	digestSQL  = `select sha256 from upload_chunks where upload = $1 and index = $2 and state = ` + storedState
	renewSQL   = `update upload_chunks set until = clock_timestamp() + $4 where upload = $1 and index = $2 and generation = $3 and state = ` + writingState
	settleSQL  = `update upload_chunks set state = ` + storedState + `, etag = $4 where upload = $1 and index = $2 and generation = $3`
	leaveSQL   = `update upload_chunks set writers = writers - 1 where upload = $1 and index = $2 and generation = $3 and state = ` + writingState
	emptySQL   = `delete from upload_chunks where upload = $1 and index = $2 and generation = $3 and state = ` + writingState + ` and writers <= 0`
	indexesSQL = `
		select upload, array_agg(index order by index) from upload_chunks where upload = any($1) and state = ` + storedState + ` group by upload`
	storedSQL = `select index, size, sha256, etag, generation from upload_chunks where upload = $1 and state = ` + storedState + ` order by index`
	forgetSQL = `delete from upload_chunks c using unnest($2::int[], $3::uuid[]) as gone (index, generation)
		where c.upload = $1 and c.index = gone.index and c.generation = gone.generation`
	clearSQL = `delete from upload_chunks where upload = $1`
)

// takePlace acquires the lease of a chunk's place and returns the generation of its writers. taken is false while
// writers of other bytes have the lease, and once the chunk is stored.
func takePlace(ctx context.Context, tx postgres.Tx, c Chunk, lease time.Duration) (generation uuid.UUID, taken bool, err error) {
	err = tx.QueryRow(ctx, takeSQL, c.Upload, c.Index, c.SHA256.Bytes(), c.Size, uuid.New(), lease).Scan(&generation)
	if postgres.NotFound(err) {
		return uuid.Nil, false, nil
	}
	return generation, err == nil, err
}

// storedDigest returns the digest of an open upload's stored chunk, zero if it is not stored.
func storedDigest(ctx context.Context, tx postgres.Tx, upload uuid.UUID, index int) (ref.Digest, error) {
	var sum []byte
	err := tx.QueryRow(ctx, digestSQL, upload, index).Scan(&sum)
	if postgres.NotFound(err) {
		return ref.Digest{}, nil
	}
	return digest(sum), err
}

// renewPlace renews the lease of the place. It fails with errLost if the place is another generation's. A place that a
// writer of the same bytes has filled needs no lease.
func renewPlace(ctx context.Context, tx postgres.Tx, c claim, lease time.Duration) error {
	tag, err := tx.Exec(ctx, renewSQL, c.Upload, c.Index, c.generation, lease)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	stored, err := storedDigest(ctx, tx, c.Upload, c.Index)
	if err == nil && stored != c.SHA256 {
		err = errLost
	}
	return err
}

// settlePlace marks the chunk as stored. settled is false, and nothing changes, if the place is another generation's.
func settlePlace(ctx context.Context, tx postgres.Tx, c claim, etag string) (settled bool, err error) {
	tag, err := tx.Exec(ctx, settleSQL, c.Upload, c.Index, c.generation, etag)
	return err == nil && tag.RowsAffected() == 1, err
}

// leavePlace ends one writer's claim. The last writer of the generation frees the place.
func leavePlace(ctx context.Context, tx postgres.Tx, c claim) error {
	if _, err := tx.Exec(ctx, leaveSQL, c.Upload, c.Index, c.generation); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, emptySQL, c.Upload, c.Index, c.generation)
	return err
}

// held is a stored chunk as its row has it.
type held struct {
	objects.Part

	index      int
	generation uuid.UUID
}

// chunksStored returns the upload's stored chunks by index.
func chunksStored(ctx context.Context, tx postgres.Tx, upload uuid.UUID) ([]held, error) {
	rows, err := tx.Query(ctx, storedSQL, upload)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (held, error) {
		var h held
		var sum []byte
		err := row.Scan(&h.index, &h.Size, &sum, &h.ETag, &h.generation)
		h.Number, h.SHA256 = int32(h.index)+1, digest(sum) //nolint:gosec // at most Profile.MaxParts
		return h, err
	})
}

// readMissing sets Missing of those of the uploads that are open. It reads the index of each stored chunk, unless none or all are stored.
func readMissing(ctx context.Context, tx postgres.Tx, all ...*session) error {
	var partly []uuid.UUID
	for _, s := range all {
		if s.Status == api.UploadOpen && s.stored > 0 && s.stored < s.Count {
			partly = append(partly, uuid.UUID(s.ID))
		}
	}
	stored := map[uuid.UUID][]int{}
	if len(partly) > 0 {
		rows, err := tx.Query(ctx, indexesSQL, partly)
		if err != nil {
			return err
		}
		var upload uuid.UUID
		var indexes []int
		if _, err := pgx.ForEachRow(rows, []any{&upload, &indexes}, func() error {
			stored[upload] = slices.Clone(indexes)
			return nil
		}); err != nil {
			return err
		}
	}
	for _, s := range all {
		if s.Status == api.UploadOpen && s.stored < s.Count {
			s.Missing = missing(stored[uuid.UUID(s.ID)], s.Count)
		}
	}
	return nil
}

// forget removes chunks that the store does not hold, so that they can be sent again.
func forget(ctx context.Context, tx postgres.Tx, upload uuid.UUID, gone []held) error {
	indexes, generations := make([]int, len(gone)), make([]uuid.UUID, len(gone))
	for i, h := range gone {
		indexes[i], generations[i] = h.index, h.generation
	}
	_, err := tx.Exec(ctx, forgetSQL, upload, indexes, generations)
	return err
}

// deleteChunks deletes the rows of an upload's chunks.
func deleteChunks(ctx context.Context, tx postgres.Tx, upload uuid.UUID) error {
	_, err := tx.Exec(ctx, clearSQL, upload)
	return err
}

// digest returns a column's 32 bytes as a Digest; no bytes are the zero Digest.
func digest(sum []byte) ref.Digest {
	if len(sum) == 0 {
		return ref.Digest{}
	}
	return ref.DigestOf(sum)
}
