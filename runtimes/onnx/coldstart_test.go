package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/formatstest"
)

func TestALargeModelOfTestsAnswersWithItsInput(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "model.onnx"), formatstest.Mirror(9<<20, t.Name()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-model-dir", folder)
	p.line(t, "ready ")
	x := make([]float32, 1024)
	x[7], x[1023] = 0.5, -2
	question, _ := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "x", "shape": []int{1, 1024}, "datatype": "FP32", "data": x}}})

	answer, err := http.Post(p.address+"/v2/models/mirror/infer", "application/json", bytes.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()

	var got struct{ Outputs []struct{ Data []float32 } }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || len(got.Outputs) != 1 || !slices.Equal(got.Outputs[0].Data, x) {
		t.Errorf("it answered %v, %v", got, err)
	}
}

// BenchmarkColdStart starts the program on a model of 100 MB, from the process's start until it is ready, with the model in the page cache, as
// it is when it has just been fetched.
func BenchmarkColdStart(b *testing.B) {
	folder := b.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "model.onnx"), formatstest.Mirror(100e6, b.Name()), 0o600); err != nil {
		b.Fatal(err)
	}
	var listening, ready, cpu time.Duration
	for b.Loop() {
		began := time.Now()
		p := start(b, "-model-dir", folder)
		listening += time.Since(began)
		p.line(b, "ready ")
		ready += time.Since(began)
		_ = p.Process.Kill()
		_ = p.Wait()
		cpu += p.ProcessState.UserTime() + p.ProcessState.SystemTime()
	}
	b.ReportMetric(float64(listening.Milliseconds())/float64(b.N), "ms-to-listening")
	b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "ms-of-cpu")
	b.ReportMetric(float64(ready.Milliseconds())/float64(b.N), "ms-to-ready")
}
