package api

import (
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
)

// UsageRow is the usage of what it names. What it does not name is "".
type UsageRow struct {
	Period    string `json:"period"` // a day, or the interval that was asked for
	Model     string `json:"model"`
	Version   string `json:"version"`
	Key       string `json:"key"` // "key:<id>" or "user:<id>"
	Requests  int64  `json:"requests"`
	Errors    int64  `json:"errors"` // answered with a status of 400 or more
	Cached    int64  `json:"cached"`
	ComputeMS int64  `json:"compute_ms"`
	BytesIn   int64  `json:"bytes_in"`
	BytesOut  int64  `json:"bytes_out"`
	TokensIn  int64  `json:"tokens_in"`
	TokensOut int64  `json:"tokens_out"`
}

// UsageGroup is what usage is summed by.
type UsageGroup string

// What usage can be grouped by.
const (
	ByModel   UsageGroup = "model"
	ByVersion UsageGroup = "version"
	ByKey     UsageGroup = "key"
	ByDay     UsageGroup = "day"
)

// UnmarshalText reads a group. It fails with Invalid unless the text is model, version, key or day.
func (g *UsageGroup) UnmarshalText(text []byte) error {
	switch *g = UsageGroup(text); *g {
	case ByModel, ByVersion, ByKey, ByDay:
		return nil
	default:
		return fault.New(fault.Invalid, "must be model, version, key or day", fault.Field("group_by"))
	}
}

// UsageRequest asks for sums over whole hours.
type UsageRequest struct {
	page.Request

	From    time.Time  `query:"from"`     // rounded down to the hour; 30 days before To by default
	To      time.Time  `query:"to"`       // rounded up to the hour; now by default
	GroupBy UsageGroup `query:"group_by"` // ByModel by default
}
