package api

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// Quantity is an amount of CPU or memory as Kubernetes writes it: "500m", "2", "1Gi". "" leaves it to the host.
type Quantity string

var quantityPattern = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)

// UnmarshalText reads a quantity; "" is one. It fails with Invalid unless the text is like "500m", "2" or "1Gi".
func (q *Quantity) UnmarshalText(text []byte) error {
	*q = Quantity(text)
	if len(text) > 0 && !quantityPattern.Match(text) {
		return fault.InvalidField("resources", `must be a quantity like "500m", "2" or "1Gi"`)
	}
	return nil
}

// units are the suffixes of a Quantity, in thousandths of one.
var units = map[string]float64{
	"m": 1, "": 1e3, "k": 1e6, "M": 1e9, "G": 1e12, "T": 1e15,
	"Ki": 1e3 * (1 << 10), "Mi": 1e3 * (1 << 20), "Gi": 1e3 * (1 << 30), "Ti": 1e3 * (1 << 40),
}

// Thousandths returns the quantity in thousandths of one core or byte, 0 for "". It returns the largest int64 for a quantity beyond that.
func (q Quantity) Thousandths() int64 {
	number := strings.TrimRight(string(q), "mkKMGTi")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0 // quantityPattern lets no other than "" come here
	}
	n *= units[string(q)[len(number):]]
	if n >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(math.Round(n))
}

// Resources is what each replica of a version's model server is given.
type Resources struct {
	CPU    Quantity `json:"cpu,omitempty"`
	Memory Quantity `json:"memory,omitempty"`
	GPU    Replicas `json:"gpu,omitempty"` // whole ones
}

// JSON returns the resources as events and rows carry them.
func (r Resources) JSON() json.RawMessage {
	text, err := json.Marshal(r)
	if err != nil {
		return nil // strings and a number always encode
	}
	return text
}

// Replicas is a number of model servers, or of their GPUs: 0 to 100.
type Replicas int

const (
	maxReplicas     = 100
	defaultReplicas = 3 // max_replicas where nothing is said
)

// UnmarshalJSON parses a number of replicas. It fails with Invalid for anything but a whole number from 0 to 100.
func (r *Replicas) UnmarshalJSON(text []byte) error {
	n, err := strconv.Atoi(string(text))
	*r = Replicas(n)
	if err != nil || n < 0 || n > maxReplicas {
		return fault.InvalidField("replicas", "must be a whole number from 0 to %d", maxReplicas)
	}
	return nil
}
