// Package allowance is what a host gives a model server: memory, CPU, and the CPU time of its start. A host writes it into the server's
// environment. The server keeps itself to it, and the host ends one that does not.
package allowance

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Allowance is what one model server may take. What is 0 has no bound.
type Allowance struct {
	Memory int64         // bytes
	CPU    int64         // thousandths of a core
	Load   time.Duration // CPU time until its model is loaded
}

// Limit is one of an allowance's bounds, as metrics name it.
type Limit string

// The limits that a model server can exceed. CPU is none: it slows a server down, and does not end it.
const (
	Memory Limit = "memory"
	Load   Limit = "load"
)

// The variables that a model server reads. GOMAXPROCS is Go's own, and what maas-onnx makes its number of threads of.
const (
	MemoryVariable = "MAAS_ALLOWED_MEMORY"
	LoadVariable   = "MAAS_ALLOWED_LOAD"
	coresVariable  = "GOMAXPROCS"
)

// Variable is one of a process's environment.
type Variable struct{ Name, Value string }

// Variables returns the allowance as a model server's environment has it.
func (a Allowance) Variables() []Variable {
	all := []Variable{{MemoryVariable, strconv.FormatInt(a.Memory, 10)}, {LoadVariable, a.Load.String()}}
	if a.CPU > 0 {
		all = append(all, Variable{coresVariable, strconv.Itoa(a.Cores())})
	}
	return all
}

// Cores returns how many cores the CPU is at least a part of.
func (a Allowance) Cores() int { return int(math.Ceil(float64(a.CPU) / 1000)) }

// Exceeded says that a model server needed more than the limit, what it was given, and what to do. It follows on the words of whoever tells it.
func (a Allowance) Exceeded(l Limit) string {
	if l == Load {
		return fmt.Sprintf("it needed more CPU time to load than the %s that a version of its size is given: publish a version whose constants are computed "+
			"beforehand, or have the operator raise MAAS_MODEL_LOAD", a.Load)
	}
	return fmt.Sprintf("it needed more memory than the %s that its model server is given: publish a version that asks for more (resources.memory), "+
		"or have the operator raise MAAS_MODEL_MEMORY_BASE, or MAAS_MODEL_MEMORY_LARGEST if that is less", Bytes(a.Memory))
}

// Bytes writes a size for people: "512 MiB", "1.5 GiB".
func Bytes(n int64) string {
	const mebi, gibi = 1 << 20, 1 << 30
	unit, name := float64(mebi), "MiB"
	if n >= gibi {
		unit, name = gibi, "GiB"
	}
	return strconv.FormatFloat(math.Round(float64(n)/unit*10)/10, 'f', -1, 64) + " " + name
}
