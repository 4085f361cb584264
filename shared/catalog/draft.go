package catalog

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const versionDrafted audit.Action = "version.draft"

// DraftRequest says which draft an upload goes to: a version, or the one after the highest.
type DraftRequest struct {
	Model   ref.Model
	Version ref.Version // zero for Bump
	Bump    ref.Bump
	Lineage api.Lineage
	Path    string // where the file will lie, "" where that is not known yet
}

// Draft is an open draft.
type Draft struct {
	ID      uuid.UUID
	ModelID uuid.UUID
	Model   ref.Model
	Version ref.Version
}

// OpenDraft returns the draft of a version, which it makes if there is none, in the caller's transaction. It locks the model's row, so that two bumps at
// the same time give two versions. Caches are told of a draft that is made: they may hold that it is not there.
//
// It fails with NotFound (field model) if there is no such model, and with Invalid if the lineage is malformed or its parent does not exist. It fails with
// Conflict if the version is no draft (field version), if no version can follow the highest (field bump), and if the path lies below or above that of
// another file or the draft has 1,000 other files (field path).
func OpenDraft(ctx context.Context, tx postgres.Tx, announce Announce, who auth.Principal, in DraftRequest) (Draft, error) {
	model, err := lock(ctx, tx, who, in.Model)
	if err != nil {
		return Draft{}, err
	}
	if err := checkLineage(ctx, tx, who, in.Lineage); err != nil {
		return Draft{}, err
	}
	draft := Draft{ModelID: model, Model: in.Model, Version: in.Version}
	if draft.Version.IsZero() {
		if draft.Version, err = bump(ctx, tx, model, in.Bump); err != nil {
			return Draft{}, err
		}
	}
	if draft.ID, err = openDraft(ctx, tx, announce, who, draft); err != nil {
		return Draft{}, err
	}
	if err := checkPlace(ctx, tx, draft.ID, in.Path); err != nil {
		return Draft{}, err
	}
	return draft, putLineage(ctx, tx, draft.ID, in.Lineage)
}

// openDraft returns the id of the draft. If there is no such version it makes the draft, announces the change and records it in the audit log. It fails
// with Conflict if the version is no draft.
func openDraft(ctx context.Context, tx postgres.Tx, announce Announce, who auth.Principal, draft Draft) (uuid.UUID, error) {
	id, status, err := statusOf(ctx, tx, draft.ModelID, draft.Version)
	switch {
	case postgres.NotFound(err):
		if err := announce.Changed(ctx, tx, draft.ModelID, draft.Model); err != nil {
			return uuid.Nil, err
		}
		id = uuid.Must(uuid.NewV7())
		if err := insertDraft(ctx, tx, id, draft, who.Actor()); err != nil {
			return uuid.Nil, err
		}
		return id, audit.Record(ctx, tx, who, versionDrafted, fmt.Sprintf("%s@%s", draft.Model, draft.Version))
	case err != nil:
		return uuid.Nil, err
	case status != api.VersionDraft:
		return uuid.Nil, notDraft(draft.Model, draft.Version, status)
	default:
		return id, nil
	}
}

// bump returns the version after the model's highest, drafts and retired ones included. It fails with Conflict if a number would become too large.
func bump(ctx context.Context, tx postgres.Tx, model uuid.UUID, by ref.Bump) (ref.Version, error) {
	highest, err := highestVersion(ctx, tx, model)
	if err != nil {
		return ref.Version{}, err
	}
	next, err := ref.ParseVersion(highest.Next(by).String()) // a number may have become too large
	if err != nil {
		return ref.Version{}, fault.New(fault.Conflict, fmt.Sprintf("There is no version after %s: %s.", highest, fault.From(err).Message), fault.Field("bump"))
	}
	return next, nil
}

// checkPlace makes sure that no file of the version would be a folder of another, and that there is room for one more.
func checkPlace(ctx context.Context, tx postgres.Tx, version uuid.UUID, path string) error {
	if path == "" {
		return nil
	}
	others, err := countOthers(ctx, tx, version, path)
	if err != nil {
		return err
	}
	if others >= api.MaxFiles {
		return fault.New(fault.Conflict, fmt.Sprintf("A version has at most %d files.", api.MaxFiles), fault.Field("path"))
	}
	there, err := fileInTheWay(ctx, tx, version, path)
	if err != nil || there == "" {
		return err
	}
	return fault.New(fault.Conflict, fmt.Sprintf("The version has a file %s: %s cannot lie beside it.", there, path), fault.Field("path"))
}

// notDraft returns the Conflict error of a version that cannot change, because it is no draft.
func notDraft(m ref.Model, v ref.Version, status api.VersionStatus) error {
	return fault.New(fault.Conflict, fmt.Sprintf("%s@%s is %s: its files never change again.", m, v, status), fault.Field("version"))
}

// Attach is a verified file that belongs to a draft.
type Attach struct {
	VersionID uuid.UUID
	Path      string
	Artifact  Artifact
}

// Artifact is the content of a file, whatever it is called: one for each digest of a tenant.
type Artifact struct {
	Digest    ref.Digest
	ObjectKey string
	Size      int64  // bytes
	MD5       string // hexadecimal, or ""
	Format    string
	Inputs    []api.Tensor
	Outputs   []api.Tensor
	Details   any // what else the format's reader found, as JSON has it; nil for nothing
}

// AttachFile adds a verified file to a draft, in the caller's transaction. It replaces a file at the same path. kept is the key of the object with the
// bytes: if the tenant had the same bytes already it is not the artifact's key, and the caller deletes the artifact's object.
//
// It fails with NotFound if the draft is gone, and with Conflict if it is published or has no place for the path (checkPlace).
func AttachFile(ctx context.Context, tx postgres.Tx, in Attach) (kept string, err error) {
	m, v, status, err := lockVersion(ctx, tx, in.VersionID)
	if err != nil {
		return "", err
	}
	if status != api.VersionDraft {
		return "", notDraft(m, v, status)
	}
	if err := checkPlace(ctx, tx, in.VersionID, in.Path); err != nil {
		return "", err
	}
	if kept, err = keepArtifact(ctx, tx, in.Artifact); err != nil {
		return "", err
	}
	return kept, attach(ctx, tx, in)
}
