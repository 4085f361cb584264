package catalog

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// modelJSON renders the row m as a Model; $1 is the tenant's name. An alias with several shares of traffic is read by its greatest.
const modelJSON = `
	json_build_object(
		'model', $1 || '/' || m.name, 'description', m.description, 'framework', m.framework, 'tags', m.tags, 'metadata', m.metadata,
		'license', m.license, 'visibility', '` + api.VisibilityTenant + `', 'created_by', m.created_by, 'created_at', m.created_at, 'updated_at', m.updated_at,
		'latest', (select a.traffic -> 0 ->> 'version' from aliases a where a.model_id = m.id and a.alias = '` + string(ref.Latest) + `'))`

const (
	readModelSQL   = `select ` + modelJSON + ` from models m where m.id = $2`
	insertModelSQL = `
		insert into models (id, name, description, framework, tags, metadata, license, created_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8) returning epoch`
	updateModelSQL = `
		update models set description = coalesce($2, description), framework = coalesce($3, framework), tags = coalesce($4, tags),
			metadata = coalesce($5, metadata), license = coalesce($6, license), updated_at = now()
		where id = $1`
	versionsSQL    = `select count(*) from versions where model_id = $1`
	deleteModelSQL = `delete from models where id = $1`
)

var publishedSQL = `select count(*) from versions where model_id = $1 and status in (` + servedStatuses + `)`

// readModel returns the model with the id, under its tenant's name. It fails with pgx.ErrNoRows if there is none.
func readModel(ctx context.Context, tx postgres.Tx, id uuid.UUID, tenant ref.Tenant) (m api.Model, err error) {
	err = tx.QueryRow(ctx, readModelSQL, string(tenant), id).Scan(&m)
	return m, err
}

// insertModel inserts a model and returns its epoch. It fails with Conflict if the tenant has a model of that name.
func insertModel(ctx context.Context, tx postgres.Tx, id uuid.UUID, actor string, in api.CreateModelRequest) (epoch int64, err error) {
	if in.Tags == nil {
		in.Tags = api.Tags{}
	}
	if in.Metadata == nil {
		in.Metadata = api.Metadata{}
	}
	err = tx.QueryRow(ctx, insertModelSQL, id, string(in.Name), string(in.Description), string(in.Framework), in.Tags, in.Metadata,
		string(in.License), actor).Scan(&epoch)
	if postgres.Violates(err, "models_name_key") {
		return 0, fault.New(fault.Conflict, fmt.Sprintf("There is a model %s already.", in.Name), fault.Field("name"))
	}
	return epoch, err
}

// updateModel sets the fields that in gives. Those that are nil stay.
func updateModel(ctx context.Context, tx postgres.Tx, id uuid.UUID, in api.UpdateModelRequest) error {
	_, err := tx.Exec(ctx, updateModelSQL, id, in.Description, in.Framework, in.Tags, in.Metadata, in.License)
	return err
}

// checkDeletable fails with Conflict if the model has published versions and the request does not force, or if it has versions and the request wants
// it empty. The caller has the model's lock.
func checkDeletable(ctx context.Context, tx postgres.Tx, id uuid.UUID, in api.DeleteModelRequest) error {
	var published int
	if err := tx.QueryRow(ctx, publishedSQL, id).Scan(&published); err != nil {
		return err
	}
	if published > 0 && !in.Force {
		return fault.New(fault.Conflict, fmt.Sprintf(
			"%s has %d published versions: retire them first, or delete it with force=true.", in.Model, published), fault.Field("force"))
	}
	if in.Empty {
		return mustBeEmpty(ctx, tx, id, in.Model)
	}
	return nil
}

// deleteModel deletes a model and with it its versions. Without the model it does nothing.
func deleteModel(ctx context.Context, tx postgres.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, deleteModelSQL, id)
	return err
}

// mustBeEmpty fails with Conflict if a model has a version. The caller has the model's lock, without which no version is made.
func mustBeEmpty(ctx context.Context, tx postgres.Tx, id uuid.UUID, m ref.Model) error {
	var versions int
	if err := tx.QueryRow(ctx, versionsSQL, id).Scan(&versions); err != nil {
		return err
	}
	if versions > 0 {
		return fault.New(fault.Conflict, fmt.Sprintf("The model %s has %d versions; with empty=true only a model without versions is deleted.", m, versions),
			fault.Field("empty"))
	}
	return nil
}

const (
	// An epoch is a clock, so that none is used again after a write that was rolled back.
	raiseSQL = `update models set epoch = greatest(epoch + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint) where id = $1 returning epoch`
	findSQL  = `select id from models where name = $1`
	lockSQL  = `select id from models where name = $1 for update`

	lockRowSQL = `select from models where id = $1 for update`
)

// find returns the id of a model. It fails with NotFound if there is none, or the caller may not know of it.
func find(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model) (uuid.UUID, error) {
	return one(ctx, tx, who, m, findSQL)
}

// lock is like find, but also locks the model's row until the transaction ends, so that writers wait.
func lock(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model) (uuid.UUID, error) {
	return one(ctx, tx, who, m, lockSQL)
}

// one returns the id that query, findSQL or lockSQL, gives for a model's name. It fails with NotFound if there is no such model, or the caller may not know
// of it.
func one(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model, query string) (uuid.UUID, error) {
	if !who.MaySee(m) {
		return uuid.Nil, noModel(m)
	}
	var id uuid.UUID
	err := tx.QueryRow(ctx, query, string(m.Name)).Scan(&id)
	if postgres.NotFound(err) || err == nil && !who.Sees(m, id) {
		return uuid.Nil, noModel(m)
	}
	return id, err
}

const epochSQL = `select id, epoch from models where name = $1`

// epochOf returns the id and the epoch of a model that the caller may know of. It returns NotFound for any other.
func epochOf(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model) (id uuid.UUID, epoch int64, err error) {
	if !who.MaySee(m) {
		return id, 0, noModel(m)
	}
	err = tx.QueryRow(ctx, epochSQL, string(m.Name)).Scan(&id, &epoch)
	if postgres.NotFound(err) || err == nil && !who.Sees(m, id) {
		return id, 0, noModel(m)
	}
	return id, epoch, err
}

// lockRow locks the model's row until the transaction ends. Without the model it does nothing.
func lockRow(ctx context.Context, tx postgres.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, lockRowSQL, id)
	return err
}

// raiseEpoch raises the model's epoch and returns the new one. It locks the model's row until the transaction ends. It fails with pgx.ErrNoRows if there is
// no model.
func raiseEpoch(ctx context.Context, tx postgres.Tx, id uuid.UUID) (epoch int64, err error) {
	err = tx.QueryRow(ctx, raiseSQL, id).Scan(&epoch)
	return epoch, err
}
