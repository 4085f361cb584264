package transfer

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// recognise reads the object's headers, by ranges, and ends the upload with what they say.
func (v *verification) recognise(ctx context.Context) error {
	v.SHA256 = v.sums.digest()
	claim := formats.Claim{Path: v.Path, Format: formats.Format(v.format)}
	found, err := formats.Recognise(v.store.Reader(ctx, v.multipart.Key, v.Size), v.Size, claim)
	if refused, ok := errors.AsType[*formats.Refusal](err); ok {
		return v.reject(ctx, api.UploadProblem{Code: string(refused.Code), Detail: refused.Detail})
	}
	if err != nil {
		return err
	}
	refused, err := v.judge(ctx, found)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return v.reject(ctx, api.UploadProblem{Code: string(refused.Code), Detail: refused.Detail})
	}
	return v.accept(ctx, found)
}

// judge returns the refusal of a file that the tenant's policy does not allow, or nil. What the strictest policy allows is not looked up.
func (v *verification) judge(ctx context.Context, found formats.Model) (*formats.Refusal, error) {
	if formats.CheckPolicy(found, api.DefaultFormats()) == nil {
		return nil, nil //nolint:nilnil // it is allowed
	}
	policy, err := v.policy(ctx)
	if err != nil {
		return nil, err
	}
	return formats.CheckPolicy(found, policy), nil
}

// policy returns what the tenant allows in files.
func (v *verification) policy(ctx context.Context) (p api.FormatPolicy, err error) {
	err = v.write(ctx, func(tx postgres.Tx) error {
		p, err = v.formats.Formats(ctx, tx)
		return err
	})
	return p, err
}

// accept adds the file to its draft version. If the tenant already has an object with the same bytes, that one is kept
// and the upload's is deleted. If the version is no longer a draft or has a file in the path's way, the upload is
// rejected.
func (v *verification) accept(ctx context.Context, found formats.Model) error {
	var kept objects.Key
	err := v.write(ctx, func(tx postgres.Tx) (err error) {
		if kept, err = v.attach(ctx, tx, found); err != nil {
			return err
		}
		if err := v.end(ctx, tx, api.UploadReady, api.Done, api.UploadProblem{}); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, v.who, verified, v.name()); err != nil {
			return err
		}
		return v.events.Emit(ctx, tx, event.UploadVerified{
			Upload: v.ID, Version: v.target(), Path: string(v.Path), Size: v.Size, SHA256: v.SHA256, MD5: string(v.md5), Format: string(found.Format),
			Findings: remarks(found.Findings),
		})
	})
	switch {
	case fault.Is(err, fault.Conflict): // published meanwhile, or with a file in the path's way
		return v.reject(ctx, api.UploadProblem{Code: "version_conflict", Detail: fault.From(err).Message})
	case fault.Is(err, fault.NotFound):
		return errVersionGone
	case err == nil && kept != v.multipart.Key:
		v.remove(ctx)
	}
	return err
}

func (v *verification) attach(ctx context.Context, tx postgres.Tx, found formats.Model) (objects.Key, error) {
	kept, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: v.versionID, Path: string(v.Path), Artifact: catalog.Artifact{
		Digest: v.SHA256, ObjectKey: string(v.multipart.Key), Size: v.Size, MD5: string(v.md5), Format: string(found.Format),
		Inputs: tensors(found.Inputs), Outputs: tensors(found.Outputs),
		Details: details(found),
	}})
	return objects.Key(kept), err
}

// details returns what a model says of itself besides its inputs and outputs. Publishing reads external.
func details(found formats.Model) any {
	if found.Format == formats.Data {
		return nil
	}
	return found
}

func tensors(found []formats.TensorInfo) []api.Tensor {
	all := make([]api.Tensor, len(found))
	for i, one := range found {
		all[i] = api.Tensor(one)
	}
	return all
}

func remarks(findings []formats.Finding) []string {
	var all []string
	for _, finding := range findings {
		all = append(all, finding.Detail)
	}
	return all
}

// reject ends the upload with the problem. It deletes the bytes, and the draft if the upload was to bring its only
// file.
func (v *verification) reject(ctx context.Context, p api.UploadProblem) error {
	err := v.last(ctx, func(tx postgres.Tx) error {
		if err := v.end(ctx, tx, api.UploadRejected, v.Phase, p); err != nil {
			return err
		}
		if err := dropDraft(ctx, tx, v.session); err != nil {
			return err
		}
		if err := audit.RecordRefused(ctx, tx, v.who, rejected, v.name()); err != nil {
			return err
		}
		return v.events.Emit(ctx, tx, event.UploadRejected{Upload: v.ID, Code: p.Code, Reason: p.Detail})
	})
	if err == nil {
		v.remove(ctx)
		if v.Status == api.UploadCompleting { // then the parts may still be there
			v.discard(ctx, v.multipart)
		}
	}
	return err
}

// end writes the last things into the row, and forgets the chunks.
func (v *verification) end(ctx context.Context, tx postgres.Tx, to api.UploadStatus, phase api.UploadPhase, p api.UploadProblem) error {
	if v.Status == api.UploadCompleting { // what cannot be assembled was never verified
		if err := move(ctx, tx, uuid.UUID(v.ID), api.UploadVerifying, api.Assembling); err != nil {
			return err
		}
	}
	if err := finish(ctx, tx, uuid.UUID(v.ID), to, phase, v.SHA256, p); err != nil {
		return err
	}
	return deleteChunks(ctx, tx, uuid.UUID(v.ID))
}

// remove deletes bytes that nothing points at. What stays behind is found by sweep.
func (v *verification) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := v.store.Delete(ctx, v.multipart.Key); err != nil {
		v.log.WarnContext(ctx, "an object is left to sweep", "key", v.multipart.Key, "error", err)
	}
}
