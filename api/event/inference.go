package event

import (
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

// InferenceCompleted carries what a gateway's process has answered, in the order of its numbers. It goes straight to meter-usage.
type InferenceCompleted struct {
	Pod   api.ID          `json:"pod"` // one life of one process
	First int64           `json:"first"`
	Last  int64           `json:"last"`
	Calls []InferenceCall `json:"calls"` // 500 at most
}

// InferenceCall is one call of a model, whatever came of it.
type InferenceCall struct {
	Number    int64       `json:"number"` // the pod's, from 1 without gaps
	Time      time.Time   `json:"time"`   // of its answer
	Tenant    api.ID      `json:"tenant"`
	Request   string      `json:"request"` // its X-Request-Id
	Model     ref.Model   `json:"model"`
	Version   ref.Version `json:"version"`
	VersionID api.ID      `json:"version_id"`
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

// EventSubject returns the pod and the numbers.
func (p InferenceCompleted) EventSubject() string {
	return fmt.Sprintf("%s/%d-%d", p.Pod, p.First, p.Last)
}
