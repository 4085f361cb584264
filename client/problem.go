package maas

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

const maxProblem = 1 << 20

// maxRetryAfter bounds what a Retry-After can ask for, in seconds.
const maxRetryAfter = 24 * 60 * 60

// problem returns the fault that an answer without success tells of (RFC 9457). If the answer is no problem the fault's kind is that of its status. The
// fault's RetryAfter is one day at most.
func problem(answer *http.Response) error {
	var p struct {
		Type   string             `json:"type"`
		Title  string             `json:"title"`
		Detail string             `json:"detail"`
		Errors []fault.FieldError `json:"errors"`
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem)) // what did not come is not explained
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = "The server answered " + answer.Status + "."
	}
	kind := fault.KindOfStatus(answer.StatusCode)
	if name, ok := strings.CutPrefix(p.Type, "https://maas.dev/problems/"); ok {
		kind = fault.Kind(name)
	}
	err := fault.New(kind, p.Detail, fault.Fields(p.Errors...))
	if seconds, convErr := strconv.Atoi(answer.Header.Get("Retry-After")); convErr == nil {
		err.RetryAfter = time.Duration(min(max(seconds, 0), maxRetryAfter)) * time.Second
	}
	return err
}
