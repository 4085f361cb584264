// Package host is MaaS on one machine: one process that mounts every function, delivers their events, supervises the model servers,
// and starts, or connects to, the servers that hold the state.
//
// Two listeners: the public one has the functions' routes; the events' one has what only functions call: the broker, the functions that events
// start, what the gateway alone may call (IdentityService, and ModelService's Resolve), and /metrics. It is a Unix socket that only this process's
// user can connect to.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/installation"
	"github.com/17882237881/MaaS/cmd/maas/localbroker"
	"github.com/17882237881/MaaS/cmd/maas/stores"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/metering"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Options say what the host is started with. Folder and Log are needed.
type Options struct {
	Folder      *stores.Folder
	Listen      string   // the public address: "127.0.0.1:8080"
	Environment []string // "NAME=value": servers that run already, and what functions are configured by
	Log         *slog.Logger
	Fast        bool // no fsync: for tests
	// Broker wraps the broker where a test makes events come twice, late or not at all; nil leaves it as it is.
	Broker func(http.Handler) http.Handler
}

// Host is a running installation.
type Host struct {
	public, events *listener
	stores         *stores.Stores
	env            *env.Env
	functions      map[string]*serve.Function
	broker         *localbroker.Broker
	models         runtimeHost
	meter          *metering.Meter
	drain          time.Duration // for requests in flight when the host stops
	log            *slog.Logger
}

type config struct {
	Drain time.Duration `env:"MAAS_DRAIN_TIMEOUT" envDefault:"30s"`
	// Metrics is an address for /metrics besides the events' socket: every user of the machine can connect to one of loopback.
	Metrics string `env:"METRICS_ADDRESS"`
}

// Start starts everything and returns when the host answers. If it fails, nothing is left running. ctx is for the start
// only.
func Start(ctx context.Context, o Options) (*Host, error) {
	h := &Host{log: o.Log, functions: Functions()}
	if err := h.start(ctx, o); err != nil {
		h.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return h, nil
}

// URL returns the public address.
func (h *Host) URL() string { return h.public.URL() }

// start does the work of Start. If it fails, what it has started is in h, for Stop.
func (h *Host) start(ctx context.Context, o Options) (err error) {
	if h.public, err = bind(ctx, publicListener, o.Listen); err != nil {
		return err
	}
	sockets, err := o.Folder.Sockets()
	if err != nil {
		return err
	}
	if h.events, err = bindSocket(ctx, "events", filepath.Join(sockets, eventsSocket)); err != nil {
		return err
	}
	h.stores, err = stores.Start(ctx, o.Folder, stores.Options{Log: o.Log, Fast: o.Fast, Environment: o.Environment})
	if err != nil {
		return err
	}
	vars, err := h.variables(o)
	if err != nil {
		return err
	}
	if err := installation.Migrate(ctx, o.Log, vars); err != nil {
		return err
	}
	if err := installation.KeepForOperator(o.Folder, vars); err != nil {
		return err
	}
	h.env = env.New("maas", vars, o.Log)
	var c config
	if err := h.env.Config(&c); err != nil {
		return err
	}
	h.drain = c.Drain
	if c.Metrics != "" {
		if err := telemetry.ServeMetrics(h.env); err != nil {
			return err
		}
	}
	return h.mount(ctx, o)
}

// mount starts the broker, the model servers and the functions, resumes what a former process left undone, and then opens the public listener.
func (h *Host) mount(ctx context.Context, o Options) error {
	db, err := postgres.Open(ctx, h.env)
	if err != nil {
		return err
	}
	letters, err := outbox.OpenDeadLetters(h.env, db.As(postgres.Sweep))
	if err != nil {
		return err
	}
	h.broker = localbroker.New(localbroker.Options{
		Consumers: cloudevent.Consumers(), Log: o.Log,
		Address: func(c cloudevent.Consumer) string { return h.events.URL() + "/" + string(c) },
		Bury:    letters.Bury,
	})
	if err := h.startRuntimes(ctx, o, db); err != nil {
		return err
	}
	// Functions that call each other at their start (infer loads the revocations) find the events' listener answering.
	handlers := h.handlers()
	internal, err := h.internal(o, handlers)
	if err != nil {
		return err
	}
	if err := h.events.serve(h.env, internal, o.Log); err != nil {
		return err
	}
	if err := h.mountFunctions(ctx); err != nil {
		return err
	}
	if h.meter, err = metering.Open(h.env); err != nil {
		return err
	}
	if err := h.resume(ctx, db); err != nil {
		return err
	}
	return h.public.serve(h.env, h.outside(handlers), o.Log)
}

// handlers returns the functions by name. On a single host the supervisor handles deploy-version.
func (h *Host) handlers() map[string]http.Handler {
	all := map[string]http.Handler{string(cloudevent.DeployVersion): h.models}
	for name, f := range h.functions {
		all[name] = f
	}
	return all
}

// internal returns the handler of the events' listener: the functions' internal routes, the broker and /metrics.
func (h *Host) internal(o Options, functions map[string]http.Handler) (http.Handler, error) {
	measured, err := telemetry.Open(h.env)
	if err != nil {
		return nil, err
	}
	broker := http.Handler(h.broker)
	if o.Broker != nil {
		broker = o.Broker(broker)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.Internal(functions))
	mux.Handle("POST "+brokerPath, broker)
	mux.Handle("GET /metrics", measured.Handler())
	return mux, nil
}

// mountFunctions mounts all functions at once and waits for them. It returns the errors of all that fail, each with its function's name.
func (h *Host) mountFunctions(ctx context.Context) error {
	var mu sync.Mutex
	var failed []error
	var all sync.WaitGroup
	for name, f := range h.functions {
		all.Go(func() {
			if err := f.Mount(ctx, h.env.For(name)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("function %s: %w", name, err))
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// Stop stops the host: it accepts no new requests, waits for those that are running, for MAAS_DRAIN_TIMEOUT at most,
// posts the calls that are not in the ledger yet, and then stops the broker, the functions, the runtimes and the stores
// in this order. It waits no longer than ctx.
func (h *Host) Stop(ctx context.Context) {
	for _, f := range h.functions {
		f.Drain()
	}
	if h.public != nil {
		h.stopPublic(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	graceful, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	h.flushMeter(graceful)
	if h.broker != nil {
		h.closeBroker(graceful)
	}
	if h.events != nil {
		h.events.stop(graceful)
	}
	for name, f := range h.functions {
		if err := f.Stop(graceful); err != nil {
			h.log.Warn("function not stopped cleanly", "function", name, "error", err)
		}
	}
	h.stopServers(ctx)
}

// flushMeter posts the calls that are not in the ledger yet, for meterTime at most. The next start posts those that are left.
func (h *Host) flushMeter(ctx context.Context) {
	if h.meter == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, meterTime)
	defer cancel()
	h.meter.Flush(ctx)
}

// closeBroker closes the broker and waits for deliveryTime at most for deliveries in progress. The next start delivers the other events again.
func (h *Host) closeBroker(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	h.broker.Close(ctx)
}

// stopPublic stops the public listener, and waits for MAAS_DRAIN_TIMEOUT at most for the requests in flight.
func (h *Host) stopPublic(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, h.drain)
	defer cancel()
	h.public.stop(ctx)
}

// stopServers stops the runtimes, closes the process's Env, and stops the stores, as far as they were started. Errors are logged.
func (h *Host) stopServers(ctx context.Context) {
	brief, cancel := context.WithTimeout(ctx, runtimeTime)
	defer cancel()
	h.stopRuntimes(brief)
	if h.env != nil {
		if err := h.env.Close(ctx); err != nil {
			h.log.Warn("not closed cleanly", "error", err)
		}
	}
	if h.stores != nil {
		h.stores.Stop(ctx)
	}
}

const (
	stopTime     = 9 * time.Second // after the public listener's drain; what is left then is killed
	drainTime    = 4 * time.Second // of that for what the functions ask each other
	meterTime    = 2 * time.Second // of that for calls that are not in the ledger yet
	deliveryTime = time.Second     // of that for events that are being delivered
	runtimeTime  = 2 * time.Second // of that for the model runtimes; the rest is the stores', which are not to be killed
	brokerPath   = "/broker"

	eventsSocket = "events.sock" // in the folder of the sockets
)

// variables returns the functions' configuration: the environment of o, with the stores, keys and addresses of this
// host in place of those it names. It creates what keys are missing, and fails if the keys or the metering journal's
// folder cannot be used.
func (h *Host) variables(o Options) (map[string]string, error) {
	folder, err := o.Folder.Sub("keys")
	if err != nil {
		return nil, err
	}
	k, err := installation.OpenKeys(folder)
	if err != nil {
		return nil, err
	}
	journal, err := o.Folder.Sub("metering")
	if err != nil {
		return nil, err
	}
	vars := map[string]string{
		"DATABASE_POOL": "24", // one process stands for all functions
	}
	maps.Copy(vars, installation.Pairs(o.Environment))
	maps.Copy(vars, installation.Pairs(h.stores.Environ()))
	maps.Copy(vars, map[string]string{
		"MAAS_SIGNING_KEYS": k.Signing, "MAAS_VERIFY_KEYS": k.Verify, "MAAS_SERVICE_KEY_FILE": k.Service,
		"K_SINK":            h.events.URL() + brokerPath,
		"MAAS_REGISTRY_URL": h.events.URL(), "MAAS_IDENTITY_URL": h.events.URL(), "MAAS_METER_URL": h.events.URL() + "/meter-usage",
		"MAAS_METER_DIR": journal,
	})
	return vars, nil
}
