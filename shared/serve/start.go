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

// Start starts the function as the only one of its process, and returns when it is mounted. func-go calls it with the environment and the file
// ./cfg as vars, while its server takes requests already. If it fails, what was opened is closed again.
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

// begin reads the configuration, limits the connections, serves the metrics and opens the function. The process is not ready before it
// returns.
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

// endBy makes Stop call end to close what is open. It returns false if Stop has been called already; the caller then closes it.
func (f *Function) endBy(end func(context.Context) error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = end
	return !f.stopped
}

// name returns the function's name: what Main was given, or else the folder of the package that open is in.
func (f *Function) name() string {
	if f.called != "" {
		return f.called
	}
	symbol := runtime.FuncForPC(reflect.ValueOf(f.open).Pointer()).Name() // …/functions/login.open
	name, _, _ := strings.Cut(path.Base(symbol), ".")
	return name
}
