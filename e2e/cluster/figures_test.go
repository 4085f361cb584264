//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// table is a figure's table in Markdown.
type table struct{ text strings.Builder }

func newTable(columns ...any) *table {
	t := &table{}
	t.text.WriteString("\n")
	t.row(columns...)
	t.text.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	return t
}

func (t *table) row(cells ...any) {
	for _, cell := range cells {
		fmt.Fprintf(&t.text, "| %v ", cell)
	}
	t.text.WriteString("|\n")
}

// print shows the table beside the benchmark's own line.
func (t *table) print() { fmt.Println(t.text.String()) }

// median returns the middle one. There is at least one.
func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(float64(len(sorted)-1)*q+0.5)]
}

// used is what containers have used of the node.
type used struct {
	CPU    time.Duration // since they began
	Memory int64         // bytes, the working set
}

// usage returns what the containers use now, by "namespace/service/container" (a pod without a Knative Service is its own).
func usage(t testing.TB) map[string]used {
	t.Helper()
	type container struct {
		Name   string
		CPU    struct{ UsageCoreNanoSeconds int64 }
		Memory struct{ WorkingSetBytes int64 }
	}
	all := map[string]used{}
	for node := range strings.FieldsSeq(kubectl(t, "get", "nodes", "--output=jsonpath={.items[*].metadata.name}")) {
		var summary struct {
			Pods []struct {
				PodRef     struct{ Name, Namespace string }
				Containers []container
			}
		}
		raw(t, &summary, "/api/v1/nodes/"+node+"/proxy/stats/summary?only_cpu_and_memory=true")
		for _, pod := range summary.Pods {
			for _, c := range pod.Containers {
				of := all[key(pod.PodRef.Namespace, pod.PodRef.Name, c.Name)]
				of.CPU += time.Duration(c.CPU.UsageCoreNanoSeconds)
				of.Memory = max(of.Memory, c.Memory.WorkingSetBytes)
				all[key(pod.PodRef.Namespace, pod.PodRef.Name, c.Name)] = of
			}
		}
	}
	return all
}

// key names a container by its Service: the pods of a Service are called <service>-<revision>-deployment-<…>.
func key(namespace, pod, container string) string {
	service, _, _ := strings.Cut(pod, "-deployment-")
	if i := strings.LastIndex(service, "-0"); i > 0 && service != pod {
		service = service[:i]
	}
	return namespace + "/" + service + "/" + container
}
