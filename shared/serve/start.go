package serve

import (
	"context"
	"errors"
	"os"
	"path"
	"reflect"
	"runtime"
	"strings"

	fn "knative.dev/func-go/http"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Start starts the function as the only one of its process. func-go calls it, with the environment and the file ./cfg as vars, beside
// the server that takes requests already. A failure ends the process.
func (f *Function) Start(ctx context.Context, vars map[string]string) error {
	fn.SetLogLevel(fn.LogWarn) // func-go's init turns zerolog's debug lines on for the whole process
	log, err := telemetry.NewLogger(os.Stderr, vars)
	if err != nil {
		return err
	}
	e := env.New(f.name(), vars, log)
	if err := f.begin(ctx, e); err != nil {
		return errors.Join(err, e.Close(ctx))
	}
	if !f.endBy(e.Close) {
		return e.Close(ctx)
	}
	return nil
}

func (f *Function) begin(ctx context.Context, e *env.Env) error {
	defer e.Hold()() // so that nothing is ready before it is mounted
	var drain drainConfig
	if err := e.Config(&drain); err != nil {
		return err
	}
	f.patience.Store(int64(drain.Timeout))
	if server := f.server.Load(); server != nil {
		if err := LimitConnections(e, "public", server); err != nil {
			return err
		}
	}
	if err := telemetry.ServeMetrics(e); err != nil {
		return err
	}
	cold, err := newColdStart(e)
	if err != nil {
		return err
	}
	return f.mount(ctx, e, cold)
}

// endBy makes Stop close what the function opened. It is false if Stop has been called already.
func (f *Function) endBy(end func(context.Context) error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = end
	return !f.stopped
}

// name returns the function's folder. Its package is called function, as func wants it, so its path tells the name.
func (f *Function) name() string {
	if f.called != "" {
		return f.called
	}
	symbol := runtime.FuncForPC(reflect.ValueOf(f.open).Pointer()).Name() // …/functions/login.open
	name, _, _ := strings.Cut(path.Base(symbol), ".")
	return name
}
