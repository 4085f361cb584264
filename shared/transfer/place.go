package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/ref"
)

const (
	// A place is free if nobody has it, if its writers' lease is over, or if they write the same bytes.
	takeSQL = `
		insert into upload_chunks as c (upload, index, sha256, size, generation, until) values ($1, $2, $3, $4, $5, clock_timestamp() + $6)
		on conflict (upload, index) do update set
			sha256     = excluded.sha256,
			generation = case when c.until > clock_timestamp() then c.generation else excluded.generation end,
			writers    = case when c.until > clock_timestamp() then c.writers + 1 else 1 end,
			until      = excluded.until
		where c.state = 'writing' and (c.sha256 = excluded.sha256 or c.until <= clock_timestamp())
		returning generation`
	placeSQL  = `select sha256, state = 'stored' from upload_chunks where upload = $1 and index = $2`
	renewSQL  = `update upload_chunks set until = clock_timestamp() + $4 where upload = $1 and index = $2 and generation = $3 and state = 'writing'`
	settleSQL = `
		update upload_chunks c set state = 'stored', etag = $4
		where c.upload = $1 and c.index = $2 and c.generation = $3 and exists (select from uploads u where u.id = $1 and u.status = 'open')`
	leaveSQL  = `update upload_chunks set writers = writers - 1 where upload = $1 and index = $2 and generation = $3 and state = 'writing'`
	emptySQL  = `delete from upload_chunks where upload = $1 and index = $2 and generation = $3 and state = 'writing' and writers <= 0`
	sumSQL    = `select coalesce(sum(size), 0)::bigint from upload_chunks where upload = $1 and state = 'stored'`
	storedSQL = `select index, size, sha256, etag, generation from upload_chunks where upload = $1 and state = 'stored' order by index`
	forgetSQL = `delete from upload_chunks c using unnest($2::int[], $3::uuid[]) as gone (index, generation)
		where c.upload = $1 and c.index = gone.index and c.generation = gone.generation`
	clearSQL = `delete from upload_chunks where upload = $1`
)

// takePlace claims the chunk's place and gives the generation of its writers, or reports that the chunk is stored already.
func takePlace(ctx context.Context, tx postgres.Tx, c Chunk, lease time.Duration) (generation uuid.UUID, stored bool, err error) {
	err = tx.QueryRow(ctx, takeSQL, c.Upload, c.Index, c.SHA256.Bytes(), c.Size, uuid.New(), lease).Scan(&generation)
	if !postgres.NotFound(err) {
		return generation, false, err
	}
	same, stored, err := place(ctx, tx, c)
	switch {
	case err != nil:
		return generation, false, err
	case !same:
		return generation, false, fault.New(fault.Conflict,
			fmt.Sprintf("Chunk %d has other bytes already, or is being sent with another digest.", c.Index), fault.Field("sha256"))
	default:
		return generation, stored, nil
	}
}

// place reports whether the chunk's row has its digest, and whether it is stored.
func place(ctx context.Context, tx postgres.Tx, c Chunk) (same, stored bool, err error) {
	var sum []byte
	err = tx.QueryRow(ctx, placeSQL, c.Upload, c.Index).Scan(&sum, &stored)
	if postgres.NotFound(err) {
		return false, false, lost() // given up a moment ago
	}
	return err == nil && ref.DigestOf(sum) == c.SHA256, stored, err
}

// renewPlace keeps the place for another lease. It fails with errLost if it is another generation's. A place that was filled meanwhile, by a
// writer of the same bytes, needs no lease.
func renewPlace(ctx context.Context, tx postgres.Tx, c claim, lease time.Duration) error {
	tag, err := tx.Exec(ctx, renewSQL, c.Upload, c.Index, c.generation, lease)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	if same, stored, err := place(ctx, tx, c.Chunk); err != nil || !same || !stored {
		return errLostOr(err)
	}
	return nil
}

func errLostOr(err error) error {
	if err != nil {
		return err
	}
	return errLost
}

// settlePlace marks the chunk stored, unless the place was lost or the upload takes nothing more.
func settlePlace(ctx context.Context, tx postgres.Tx, c claim, etag string) error {
	tag, err := tx.Exec(ctx, settleSQL, c.Upload, c.Index, c.generation, etag)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	if same, stored, err := place(ctx, tx, c.Chunk); err != nil || !same || !stored {
		return lost()
	}
	return nil
}

// leavePlace ends one writer's claim; the last one of the generation frees the place.
func leavePlace(ctx context.Context, tx postgres.Tx, c claim) error {
	if _, err := tx.Exec(ctx, leaveSQL, c.Upload, c.Index, c.generation); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, emptySQL, c.Upload, c.Index, c.generation)
	return err
}

func bytesStored(ctx context.Context, tx postgres.Tx, upload uuid.UUID) (sum int64, err error) {
	err = tx.QueryRow(ctx, sumSQL, upload).Scan(&sum)
	return sum, err
}

// held is a stored chunk as its row has it.
type held struct {
	objects.Part

	index      int
	generation uuid.UUID
}

// chunksStored gives the upload's stored chunks by index.
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

// forget removes chunks that the store does not hold, so that they can be sent again.
func forget(ctx context.Context, tx postgres.Tx, upload uuid.UUID, gone []held) error {
	indexes, generations := make([]int, len(gone)), make([]uuid.UUID, len(gone))
	for i, h := range gone {
		indexes[i], generations[i] = h.index, h.generation
	}
	_, err := tx.Exec(ctx, forgetSQL, upload, indexes, generations)
	return err
}

func digest(sum []byte) ref.Digest {
	if len(sum) == 0 {
		return ref.Digest{}
	}
	return ref.DigestOf(sum)
}
