package catalog

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

// Messages out.

// modelMessage converts a model to a message. It fails if the metadata cannot be encoded.
func modelMessage(m *api.Model) (*maasv1.Model, error) {
	metadata, err := structOf(m.Metadata)
	if err != nil {
		return nil, err
	}
	out := &maasv1.Model{
		Model: m.Model.String(), Description: string(m.Description), Framework: string(m.Framework), Metadata: metadata,
		License: string(m.License), Visibility: m.Visibility, CreatedBy: m.CreatedBy,
		CreatedAt: timestamppb.New(m.CreatedAt), UpdatedAt: timestamppb.New(m.UpdatedAt), Etag: m.ETag(),
	}
	if m.Latest != nil {
		out.Latest = m.Latest.String()
	}
	for _, tag := range m.Tags {
		out.Tags = append(out.Tags, string(tag))
	}
	return out, nil
}

// versionMessage converts a version to a message. It fails if the metadata cannot be encoded.
func versionMessage(v *api.Version) (*maasv1.Version, error) {
	metadata, err := structOf(v.Metadata)
	if err != nil {
		return nil, err
	}
	out := &maasv1.Version{
		Id: v.ID.String(), Model: v.Model.String(), Version: v.Version.String(), Status: string(v.Status), Changelog: string(v.Changelog),
		Metadata: metadata, Digest: v.Digest.String(), Size: v.Size, Uri: v.URI, Inputs: tensorMessages(v.Inputs), Outputs: tensorMessages(v.Outputs),
		Kind: v.Kind, Runtime: v.Runtime, IsLatest: v.IsLatest, Deployment: deploymentMessage(&v.Deployment),
		Deprecation: deprecationMessage(v.Deprecation), CreatedBy: v.CreatedBy, CreatedAt: timestamppb.New(v.CreatedAt),
		PublishedAt: timeMessage(v.PublishedAt), Deterministic: v.Deterministic,
		Resources:   &maasv1.Resources{Cpu: string(v.Resources.CPU), Memory: string(v.Resources.Memory), Gpu: int32Of(v.Resources.GPU)},
		MinReplicas: int32Of(v.MinReplicas), MaxReplicas: int32Of(v.MaxReplicas),
		Lineage: &maasv1.Lineage{Parent: v.Lineage.Parent, Commit: v.Lineage.Commit, Data: v.Lineage.Data, Run: v.Lineage.Run},
	}
	for _, f := range v.Files {
		out.Files = append(out.Files, &maasv1.File{Path: string(f.Path), Size: f.Size, Sha256: f.SHA256.String(), Md5: f.MD5, Format: f.Format})
	}
	for _, alias := range v.Aliases {
		out.Aliases = append(out.Aliases, string(alias))
	}
	return out, nil
}

// deploymentMessage converts the state of a deployment to a message. Attempts and times are the nearest that the message can hold.
func deploymentMessage(d *api.Deployment) *maasv1.Deployment {
	return &maasv1.Deployment{
		Status: string(d.Status), Reason: d.Reason, Failure: string(d.Failure), Attempts: int32Of(d.Attempts), RetryAt: timeMessage(d.RetryAt),
		Phases: &maasv1.StartPhases{ScheduleMs: d.Phases.Schedule, FetchMs: d.Phases.Fetch, LoadMs: d.Phases.Load},
	}
}

// int32Of returns the nearest int32.
func int32Of[N ~int](n N) int32 { return int32(max(min(n, math.MaxInt32), math.MinInt32)) }

// resolutionMessage converts a resolution to a message. It never fails.
func resolutionMessage(r *Resolution) (*maasv1.ResolveResponse, error) {
	out := &maasv1.ResolveResponse{
		VersionId: r.VersionID.String(), Version: r.Version.String(), Digest: r.Digest.String(), Endpoint: r.Endpoint, Status: string(r.Status),
		Reason: r.Reason, Deterministic: r.Deterministic, Runtime: r.Runtime, Inputs: tensorMessages(r.Inputs), Outputs: tensorMessages(r.Outputs),
		Deprecation: deprecationMessage(r.Deprecation), Epoch: r.Epoch, Failure: string(r.Failure), RetryAt: timeMessage(r.RetryAt),
		ModelId: r.ModelID.String(),
	}
	for _, target := range r.Traffic {
		out.Traffic = append(out.Traffic, &maasv1.Share{Version: target.Version.String(), Weight: int32Of(target.Weight)})
	}
	return out, nil
}

// tensorMessages converts tensors to messages.
func tensorMessages(tensors []api.Tensor) []*maasv1.Tensor {
	out := make([]*maasv1.Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = &maasv1.Tensor{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape}
	}
	return out
}

// deprecationMessage converts a deprecation to a message; nil to nil.
func deprecationMessage(d *api.Deprecation) *maasv1.Deprecation {
	if d == nil {
		return nil
	}
	return &maasv1.Deprecation{Reason: string(d.Reason), Since: timestamppb.New(d.Since), Sunset: timestamppb.New(d.Sunset)}
}

// timeMessage converts a time to a message; nil to nil.
func timeMessage(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// structOf converts metadata to a Struct, by way of JSON. It fails if a value cannot be encoded.
func structOf(m api.Metadata) (*structpb.Struct, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	out := &structpb.Struct{}
	if err := out.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return out, nil
}

// metadataOf converts a Struct to metadata, by way of JSON; nil is empty metadata. It fails with Invalid if the metadata is beyond a limit of api.Metadata.
func metadataOf(s *structpb.Struct) (api.Metadata, error) {
	m := api.Metadata{}
	if s == nil {
		return m, nil
	}
	text, err := s.MarshalJSON()
	if err != nil {
		return nil, fault.InvalidField("metadata", "must be a JSON object")
	}
	err = m.UnmarshalJSON(text)
	return m, err
}

// Messages in.

// namedVersionOf parses a model's name and a reference to one of its versions. It fails with Invalid for a malformed one.
func namedVersionOf(model, selector string) (api.VersionRequest, error) {
	m, err := ref.ParseModel(model)
	if err != nil {
		return api.VersionRequest{}, err
	}
	s, err := ref.ParseSelector(selector)
	return api.VersionRequest{Model: m, Ref: s}, err
}

// createModelOf converts a message to a request. It fails with Invalid for a field that is malformed.
func createModelOf(in *maasv1.CreateModelRequest) (c api.CreateModelRequest, err error) {
	if c.Tags, err = api.ParseTags(in.GetTags()); err != nil {
		return c, err
	}
	if c.Metadata, err = metadataOf(in.GetMetadata()); err != nil {
		return c, err
	}
	err = parseAll(text{&c.Name, in.GetName()}, text{&c.Description, in.GetDescription()}, text{&c.Framework, in.GetFramework()},
		text{&c.License, in.GetLicense()})
	return c, err
}

// listModelsOf converts a message to a request; an empty field sets no filter. It fails with Invalid for a field that is malformed.
func listModelsOf(in *maasv1.ListModelsRequest) (l api.ListModelsRequest, err error) {
	if l.Request, err = pageOf(in.GetPageSize(), in.GetPageToken()); err != nil {
		return l, err
	}
	err = parseGiven(text{&l.Query, in.GetQuery()}, text{&l.Framework, in.GetFramework()}, text{&l.Tag, in.GetTag()},
		text{&l.License, in.GetLicense()}, text{&l.Order, in.GetOrder()})
	return l, err
}

// listVersionsOf converts a message to a request; an empty status stands for all. It fails with Invalid for a field that is malformed.
func listVersionsOf(in *maasv1.ListVersionsRequest) (l api.ListVersionsRequest, err error) {
	if l.Request, err = pageOf(in.GetPageSize(), in.GetPageToken()); err != nil {
		return l, err
	}
	if l.Model, err = ref.ParseModel(in.GetModel()); err != nil {
		return l, err
	}
	err = parseGiven(text{&l.Status, in.GetStatus()})
	return l, err
}

// updateModelOf converts a message to a request that changes the fields of its update mask. It fails with Invalid if a field is malformed, or the mask
// names one that cannot be changed.
func updateModelOf(in *maasv1.UpdateModelRequest) (u api.UpdateModelRequest, err error) {
	m := in.GetModel()
	if u.Model, err = ref.ParseModel(m.GetModel()); err != nil {
		return u, err
	}
	u.IfMatch = condition.Tag(m.GetEtag())
	for _, path := range in.GetUpdateMask().GetPaths() {
		if err := takeField(&u, path, m); err != nil {
			return u, err
		}
	}
	return u, nil
}

// takeField sets the field of in that path names, an element of an update mask, to the message's value. It fails with Invalid if the value is malformed or
// the field cannot be changed.
func takeField(in *api.UpdateModelRequest, path string, m *maasv1.Model) (err error) {
	switch path {
	case "description":
		in.Description = new(api.Description)
		return in.Description.UnmarshalText([]byte(m.GetDescription()))
	case "framework":
		in.Framework = new(api.Label)
		return in.Framework.UnmarshalText([]byte(m.GetFramework()))
	case "license":
		in.License = new(api.Label)
		return in.License.UnmarshalText([]byte(m.GetLicense()))
	case "tags":
		in.Tags = new(api.Tags)
		*in.Tags, err = api.ParseTags(m.GetTags())
		return err
	case "metadata":
		in.Metadata = new(api.Metadata)
		*in.Metadata, err = metadataOf(m.GetMetadata())
		return err
	default:
		return fault.InvalidField("update_mask", "names description, framework, tags, metadata and license")
	}
}

// text is a value to be read out of a message's field.
type text struct {
	into encoding.TextUnmarshaler
	from string
}

// parseAll parses each text into its value. It returns the first error.
func parseAll(all ...text) error {
	for _, one := range all {
		if err := one.into.UnmarshalText([]byte(one.from)); err != nil {
			return err
		}
	}
	return nil
}

// parseGiven is like parseAll, but skips empty fields.
func parseGiven(all ...text) error {
	for _, one := range all {
		if one.from == "" {
			continue
		}
		if err := one.into.UnmarshalText([]byte(one.from)); err != nil {
			return err
		}
	}
	return nil
}
