package event

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/ref"
)

// The functions that consume events.
const (
	VerifyUpload  Consumer = "verify-upload"
	DeployVersion Consumer = "deploy-version"
	MeterUsage    Consumer = "meter-usage" // not through the broker: infer posts to it
)

// Consumers gives, for each type of the catalogue, the functions that act on it. A type without any is news for webhooks alone.
// Knative's Triggers, the dispatcher of `maas up` and the outbox are all made from it.
func Consumers() map[Type][]Consumer {
	return map[Type][]Consumer{
		UploadCompleted{}.EventType():   {VerifyUpload},
		UploadVerifying{}.EventType():   {VerifyUpload},
		UploadVerified{}.EventType():    nil,
		UploadRejected{}.EventType():    nil,
		VersionPublished{}.EventType():  {DeployVersion},
		VersionDeprecated{}.EventType(): {DeployVersion},
		VersionRetired{}.EventType():    {DeployVersion},
		DeploymentWanted{}.EventType():  {DeployVersion},
		ModelDeleted{}.EventType():      {DeployVersion, VerifyUpload},
		DeploymentReady{}.EventType():   nil,
		DeploymentFailed{}.EventType():  nil,
		AliasMoved{}.EventType():        nil,
	}
}

// UploadCompleted says that all chunks of an upload are there.
type UploadCompleted struct {
	Upload uuid.UUID `json:"upload"`
}

// EventType is maas.upload.completed.v1.
func (UploadCompleted) EventType() Type { return "maas.upload.completed.v1" }

// EventSubject is the upload's id.
func (p UploadCompleted) EventSubject() string { return p.Upload.String() }

// UploadVerifying asks for the next step of a verification.
type UploadVerifying struct {
	Upload uuid.UUID `json:"upload"`
	Offset int64     `json:"offset"` // bytes hashed so far
}

// EventType is maas.upload.verifying.v1.
func (UploadVerifying) EventType() Type { return "maas.upload.verifying.v1" }

// EventSubject is the upload's id.
func (p UploadVerifying) EventSubject() string { return p.Upload.String() }

// UploadVerified says that a file belongs to its draft version.
type UploadVerified struct {
	Upload   uuid.UUID  `json:"upload"`
	Version  string     `json:"version"` // "acme/fraud@1.4.0"
	Path     string     `json:"path"`
	Size     int64      `json:"size"`
	SHA256   ref.Digest `json:"sha256"`
	MD5      string     `json:"md5,omitempty"` // hexadecimal, where it was given
	Format   string     `json:"format"`
	Findings []string   `json:"findings,omitempty"`
}

// EventType is maas.upload.verified.v1.
func (UploadVerified) EventType() Type { return "maas.upload.verified.v1" }

// EventSubject is the upload's id.
func (p UploadVerified) EventSubject() string { return p.Upload.String() }

// UploadRejected says that a file is not what it should be.
type UploadRejected struct {
	Upload uuid.UUID `json:"upload"`
	Code   string    `json:"code"`
	Reason string    `json:"reason"`
}

// EventType is maas.upload.rejected.v1.
func (UploadRejected) EventType() Type { return "maas.upload.rejected.v1" }

// EventSubject is the upload's id.
func (p UploadRejected) EventSubject() string { return p.Upload.String() }

// Scale bounds the replicas of a deployment.
type Scale struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// VersionPublished says that a version's files are frozen and that it should run.
type VersionPublished struct {
	Version   string          `json:"version"` // "acme/fraud@1.4.0"
	VersionID uuid.UUID       `json:"version_id"`
	Digest    ref.Digest      `json:"digest"`
	Runtime   string          `json:"runtime"`
	Resources json.RawMessage `json:"resources,omitempty"`
	Scale     Scale           `json:"scale"`
	Aliases   []ref.Alias     `json:"aliases,omitempty"` // to move when it is ready
}

// EventType is maas.version.published.v1.
func (VersionPublished) EventType() Type { return "maas.version.published.v1" }

// EventSubject is the version.
func (p VersionPublished) EventSubject() string { return p.Version }

// VersionDeprecated says that a version should not be used any more.
type VersionDeprecated struct {
	Version string    `json:"version"`
	Reason  string    `json:"reason"`
	Sunset  time.Time `json:"sunset"`
}

// EventType is maas.version.deprecated.v1.
func (VersionDeprecated) EventType() Type { return "maas.version.deprecated.v1" }

// EventSubject is the version.
func (p VersionDeprecated) EventSubject() string { return p.Version }

// VersionRetired says that a version runs no more.
type VersionRetired struct {
	Version   string    `json:"version"`
	VersionID uuid.UUID `json:"version_id"`
	Reason    string    `json:"reason,omitempty"`
}

// EventType is maas.version.retired.v1.
func (VersionRetired) EventType() Type { return "maas.version.retired.v1" }

// EventSubject is the version.
func (p VersionRetired) EventSubject() string { return p.Version }

// DeploymentWanted says that someone calls a version that does not run.
type DeploymentWanted struct {
	Version   string    `json:"version"`
	VersionID uuid.UUID `json:"version_id"`
}

// EventType is maas.deployment.wanted.v1.
func (DeploymentWanted) EventType() Type { return "maas.deployment.wanted.v1" }

// EventSubject is the version.
func (p DeploymentWanted) EventSubject() string { return p.Version }

// ModelDeleted says that a model and all its versions are gone.
type ModelDeleted struct {
	Model ref.Model `json:"model"`
}

// EventType is maas.model.deleted.v1.
func (ModelDeleted) EventType() Type { return "maas.model.deleted.v1" }

// EventSubject is the model.
func (p ModelDeleted) EventSubject() string { return p.Model.String() }

// Phases tells how long the parts of a start took, in milliseconds.
type Phases struct {
	Schedule int64 `json:"schedule_ms"`
	Fetch    int64 `json:"fetch_ms"`
	Load     int64 `json:"load_ms"`
}

// DeploymentReady says that a version answers.
type DeploymentReady struct {
	Version   string    `json:"version"`
	VersionID uuid.UUID `json:"version_id"`
	Endpoint  string    `json:"endpoint"`
	Phases    Phases    `json:"phases"`
}

// EventType is maas.deployment.ready.v1.
func (DeploymentReady) EventType() Type { return "maas.deployment.ready.v1" }

// EventSubject is the version.
func (p DeploymentReady) EventSubject() string { return p.Version }

// DeploymentFailed says that a version cannot start, in words for its publisher.
type DeploymentFailed struct {
	Version   string    `json:"version"`
	VersionID uuid.UUID `json:"version_id"`
	Reason    string    `json:"reason"`
}

// EventType is maas.deployment.failed.v1.
func (DeploymentFailed) EventType() Type { return "maas.deployment.failed.v1" }

// EventSubject is the version.
func (p DeploymentFailed) EventSubject() string { return p.Version }

// Share is a version's part of an alias's traffic, in percent.
type Share struct {
	Version ref.Version `json:"version"`
	Weight  int         `json:"weight"`
}

// AliasMoved says that an alias points elsewhere.
type AliasMoved struct {
	Model ref.Model `json:"model"`
	Alias ref.Alias `json:"alias"`
	From  []Share   `json:"from"`
	To    []Share   `json:"to"`
	By    string    `json:"by"`
	Why   string    `json:"why"`
}

// EventType is maas.alias.moved.v1.
func (AliasMoved) EventType() Type { return "maas.alias.moved.v1" }

// EventSubject is the model and the alias.
func (p AliasMoved) EventSubject() string { return p.Model.String() + "@" + string(p.Alias) }

// InferenceCompleted carries what a gateway's process has answered, in the order of its numbers. It goes straight to meter-usage.
type InferenceCompleted struct {
	Pod   uuid.UUID       `json:"pod"` // one life of one process
	First int64           `json:"first"`
	Last  int64           `json:"last"`
	Calls []InferenceCall `json:"calls"` // 500 at most
}

// InferenceCall is one call of a model, whatever came of it.
type InferenceCall struct {
	Number    int64       `json:"number"` // the pod's, from 1 without gaps
	Time      time.Time   `json:"time"`   // of its answer
	Tenant    uuid.UUID   `json:"tenant"`
	Request   string      `json:"request"` // its X-Request-Id
	Model     ref.Model   `json:"model"`
	Version   ref.Version `json:"version"`
	VersionID uuid.UUID   `json:"version_id"`
	Actor     string      `json:"actor"` // "user:<id>" or "key:<id>"
	Status    int         `json:"status"`
	Cached    bool        `json:"cached,omitempty"` // answered without a run of its own
	Total     int64       `json:"total_us"`
	Queue     int64       `json:"queue_us,omitempty"`
	ColdStart int64       `json:"cold_start_us,omitempty"`
	Compute   int64       `json:"compute_us,omitempty"`
	BytesIn   int64       `json:"bytes_in,omitempty"`
	BytesOut  int64       `json:"bytes_out,omitempty"`
}

// EventType is maas.inference.completed.v1.
func (InferenceCompleted) EventType() Type { return "maas.inference.completed.v1" }

// EventSubject is the pod and the numbers.
func (p InferenceCompleted) EventSubject() string {
	return fmt.Sprintf("%s/%d-%d", p.Pod, p.First, p.Last)
}
