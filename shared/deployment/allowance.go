package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/env"
)

// AllowanceRule says what a model server is given, from the size of its version's files and from what the version asks for. It is the same on each host.
type AllowanceRule struct {
	MemoryBase    int64         `env:"MAAS_MODEL_MEMORY_BASE" envDefault:"2147483648"` // bytes for a version of no size
	MemoryFactor  float64       `env:"MAAS_MODEL_MEMORY_FACTOR" envDefault:"4"`        // and more for each byte of its files
	MemoryLargest int64         `env:"MAAS_MODEL_MEMORY_LARGEST"`                      // whatever a version asks for; 0: no bound
	CPU           cores         `env:"MAAS_MODEL_CPU"`                                 // of a version that asks for none; 0: the host's default
	CPULargest    cores         `env:"MAAS_MODEL_CPU_LARGEST"`                         // whatever a version asks for; 0: no bound
	Load          time.Duration `env:"MAAS_MODEL_LOAD" envDefault:"30s"`               // CPU time for loading a version of no size
}

// loadRate is how many bytes of a version's files give its load a second of CPU time more: a tenth of what ONNX Runtime loads on one core.
const loadRate = 4 << 20

// smallestMemory is the least that a model server starts with: maas-onnx has taken 40 MiB when it is ready.
const smallestMemory = 64 << 20

// OpenAllowanceRule reads the rule from the MAAS_MODEL_* variables. It fails if one is malformed or too small.
func OpenAllowanceRule(e *env.Env) (r AllowanceRule, err error) {
	if err := e.Config(&r); err != nil {
		return r, err
	}
	switch {
	case r.MemoryBase < smallestMemory, r.MemoryLargest != 0 && r.MemoryLargest < smallestMemory:
		return r, fmt.Errorf("MAAS_MODEL_MEMORY_BASE and MAAS_MODEL_MEMORY_LARGEST are %d or more", int64(smallestMemory))
	case r.MemoryFactor < 1:
		return r, errors.New("MAAS_MODEL_MEMORY_FACTOR is 1 or more")
	case r.Load < time.Second:
		return r, errors.New("MAAS_MODEL_LOAD is 1s or more")
	}
	return r, nil
}

// For returns the allowance of a version: what it asks for, or what follows from its size, within the operator's bounds. It fails, with a message
// for the publisher, if the resources that the version asks for cannot be parsed.
func (r AllowanceRule) For(s Spec) (allowance.Allowance, error) {
	asked, err := s.Asks()
	if err != nil {
		return allowance.Allowance{}, err
	}
	a := allowance.Allowance{
		Memory: r.MemoryBase + int64(r.MemoryFactor*float64(s.Size)),
		CPU:    int64(r.CPU),
		Load:   r.Load + time.Duration(s.Size/loadRate)*time.Second,
	}
	if asked.Memory != "" {
		a.Memory = max(smallestMemory, asked.Memory.Thousandths()/1000)
	}
	if asked.CPU != "" {
		a.CPU = max(1, asked.CPU.Thousandths())
	}
	if r.MemoryLargest > 0 {
		a.Memory = min(a.Memory, r.MemoryLargest)
	}
	if r.CPULargest > 0 && a.CPU > 0 {
		a.CPU = min(a.CPU, int64(r.CPULargest))
	}
	return a, nil
}

// Asks returns the resources that the version requests for each model server, all zero if it requests none. It fails if
// the stored resources cannot be parsed.
func (s Spec) Asks() (r api.Resources, err error) {
	if len(s.Resources) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(s.Resources, &r); err != nil {
		return r, fmt.Errorf("its resources cannot be read: %w", err)
	}
	return r, nil
}

// cores is a setting of CPU as Kubernetes writes it ("2", "500m"), in thousandths of a core.
type cores int64

// UnmarshalText parses a number of cores, like 2 or 500m. It fails for anything else.
func (c *cores) UnmarshalText(text []byte) error {
	var q api.Quantity
	if err := q.UnmarshalText([]byte(strings.TrimSpace(string(text)))); err != nil {
		return fmt.Errorf("%s is no number of cores: it is written like 2 or 500m", strconv.Quote(string(text)))
	}
	*c = cores(q.Thousandths())
	return nil
}

// newExceeded returns the metric of Exceeded, which is not registered yet.
func newExceeded() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_model_limit_exceeded_total",
		Help: "Model servers that needed more than they are given, by limit (memory, load).",
	}, []string{"limit"})
}

// Exceeded counts, in a metric, a model server that needed more than its allowance.
func (d *Deployments) Exceeded(l allowance.Limit) { d.exceeded.WithLabelValues(string(l)).Inc() }
