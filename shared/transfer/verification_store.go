package transfer

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	takeLeaseSQL = `
		update uploads set fence = fence + 1, lease_until = clock_timestamp() + $2
		where id = $1 and status in (` + verifiableStatuses + `) and (lease_until is null or lease_until <= clock_timestamp())
		returning fence, hashed, sha256_state, md5_state, md5`
	renewLeaseSQL   = `update uploads set lease_until = clock_timestamp() + $3 where id = $1 and fence = $2`
	releaseLeaseSQL = `update uploads set lease_until = null where id = $1 and fence = $2`
	checkLeaseSQL   = `select from uploads where id = $1 and fence = $2 for update`
	thereSQL        = `select exists (select from versions where id = $1)`
	saveSumsSQL     = `update uploads set hashed = $2, sha256_state = $3, md5_state = $4 where id = $1`
)

// takeLease acquires the lease of an upload's verification. fence is its fencing token, and s continues where the hashing stopped. taken is false if there
// is nothing to verify or another process has the lease.
func takeLease(ctx context.Context, tx postgres.Tx, upload uuid.UUID, lease time.Duration) (fence int64, s sums, taken bool, err error) {
	var offset int64
	var sha256State, md5State []byte
	var asked api.MD5
	err = tx.QueryRow(ctx, takeLeaseSQL, upload, lease).Scan(&fence, &offset, &sha256State, &md5State, &asked)
	if postgres.NotFound(err) {
		return 0, sums{}, false, nil
	}
	if err != nil {
		return 0, sums{}, false, err
	}
	s, err = newSums(offset, sha256State, md5State, asked)
	return fence, s, true, err
}

// read returns an upload for functions that act for no caller, without checking permissions. It fails with pgx.ErrNoRows if there is none.
func read(ctx context.Context, tx postgres.Tx, id uuid.UUID) (session, error) {
	rows, err := tx.Query(ctx, findSQL, id)
	if err != nil {
		return session{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// renewLease extends the verification's lease to the given time from now. It fails with errLost if the fencing token is no longer the latest.
func renewLease(ctx context.Context, tx postgres.Tx, upload uuid.UUID, fence int64, lease time.Duration) error {
	tag, err := tx.Exec(ctx, renewLeaseSQL, upload, fence, lease)
	if err == nil && tag.RowsAffected() == 0 {
		return errLost
	}
	return err
}

// releaseLease ends the verification's lease, unless the fencing token is no longer the latest.
func releaseLease(ctx context.Context, tx postgres.Tx, upload uuid.UUID, fence int64) error {
	_, err := tx.Exec(ctx, releaseLeaseSQL, upload, fence)
	return err
}

// checkLease fails with lost() unless the fencing token is still the latest. It locks the row, so that nobody else acquires the lease until the transaction
// ends.
func checkLease(ctx context.Context, tx postgres.Tx, upload uuid.UUID, fence int64) error {
	tag, err := tx.Exec(ctx, checkLeaseSQL, upload, fence)
	if err == nil && tag.RowsAffected() == 0 {
		return lost()
	}
	return err
}

// versionThere reports whether the version exists.
func versionThere(ctx context.Context, tx postgres.Tx, version uuid.UUID) (there bool, err error) {
	err = tx.QueryRow(ctx, thereSQL, version).Scan(&there)
	return there, err
}

// saveSums writes how far the upload is hashed and the states of the hashes, from which takeLease continues.
func saveSums(ctx context.Context, tx postgres.Tx, upload uuid.UUID, s sums) error {
	sha256State, md5State, err := s.states()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, saveSumsSQL, upload, s.offset, sha256State, md5State)
	return err
}
