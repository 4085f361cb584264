// Command maas-onnx serves one ONNX model over the Open Inference Protocol, version 2: REST and gRPC on one port.
//
// It listens at once and says so on stdout in one line, "listening http://ADDRESS"; a second line, "ready http://ADDRESS", follows when the model
// is loaded; for a Unix socket ADDRESS is unix:PATH without http://. Logs go to stderr as JSON. Without -model-name it answers for any name, as
// KServe wants it. SIGTERM and SIGINT let the requests under way finish. The exit status is 0 after such a stop, 2 for wrong flags, 4 for files
// that are no model it serves, 5 for a model that needs more memory than it is given, 6 for one that needs more CPU time to load, and 1 for all
// else; before it is ready, only the last of these may pass. In a container, what is wrong is also told in its termination message. It writes no
// other file, and needs no home.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/runtimes/onnx/model"
	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/runtimes/onnx/server"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/termination"
)

func main() {
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "maas-onnx:", err)
		os.Exit(2)
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.logLevel}))
	if err := run(c, log); err != nil {
		end(c, log, err)
	}
}

// withoutTime is a slog.HandlerOptions.ReplaceAttr function that drops a log line's time.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// end logs err, writes its message to the termination log, and ends the process with err's status. It does not return.
func end(c config, log *slog.Logger, err error) {
	logEnd(log, err)
	termination.Say(c.lastWords, fault.From(err).Message)
	os.Exit(status(err))
}

// logEnd logs the error that ends the process.
func logEnd(log *slog.Logger, err error) {
	log.Error("stopped", "error", err.Error(), "reason", fault.From(err).Message)
}

// run listens, loads the model and serves it until a signal comes or something fails. It returns nil after a signal if all requests were
// answered in time.
func run(c config, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, address, err := listen(ctx, c.listen)
	if err != nil {
		return err
	}
	onnx := server.New(c.server, log)
	host := httpserver.Configure(&http.Server{Handler: onnx.Handler()}) //nolint:gosec // Configure sets the timeouts
	served := make(chan error, 1)
	go func() { served <- host.Serve(listener) }() // ends with Shutdown
	if knative() {
		go host.KeepQueueProxy(ctx, func() { time.AfterFunc(c.drain, func() { host.End(errStopping) }) }) // ends with the signal
	}
	fmt.Println("listening", address)

	select {
	case <-ctx.Done():
		return shutdown(host, c)
	case err := <-served:
		return err
	case loaded := <-loadInBackground(c, log):
		if loaded.err != nil {
			return errors.Join(loaded.err, host.Close())
		}
		onnx.Serve(loaded.model)
		fmt.Println("ready", address)
		log.Info("ready", "address", address, "folder", c.folder,
			"find_ms", loaded.find.Milliseconds(), "library_ms", loaded.library.Milliseconds(), "load_ms", loaded.load.Milliseconds())
	}

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return shutdown(host, c)
	}
}

// listen listens at a TCP address, or at "unix:PATH" on a socket that this user alone may connect to. announced is the address to print: the
// URL, or "unix:PATH".
func listen(ctx context.Context, address string) (l net.Listener, announced string, err error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			return nil, "", err
		}
		return l, "http://" + l.Addr().String(), nil
	}
	others := syscall.Umask(0o177)
	defer syscall.Umask(others)
	l, err = new(net.ListenConfig).Listen(ctx, "unix", path)
	return l, address, err
}

// result is what loading a model came to, and how long each step took.
type result struct {
	model *model.Model
	err   error

	find, library, load time.Duration
}

// loadInBackground starts to load the model and returns a channel that gets the one result. Nothing stops it: the process may end meanwhile.
func loadInBackground(c config, log *slog.Logger) <-chan result {
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = r.read(c, log)
		done <- r
	}()
	return done
}

// read finds the model in the folder and loads it, within what the process may take, and stores it in r with the times. An error is
// Unprocessable if the model cannot be served; if the load takes too much CPU time, the process ends.
func (r *result) read(c config, log *slog.Logger) (err error) {
	began := time.Now()
	path, err := model.Find(c.folder)
	if err != nil {
		return err
	}
	found := time.Now()
	library, err := ort.Load(c.library)
	if err != nil {
		return err
	}
	opened := time.Now()
	if err := boundMemory(c); err != nil {
		return err
	}
	lift, err := boundLoad(c.allowed, func(err error) { end(c, log, err) })
	if err != nil {
		return err
	}
	session, err := library.Open(path, ort.Config{Device: ort.Device(c.device), Threads: c.threads, Folded: folded(c.folder)})
	if err = errors.Join(err, lift()); err != nil {
		return model.OutOfMemory(err, c.allowed)
	}
	if err := checkMemory(c); err != nil {
		return err
	}
	r.model = model.New(session, c.concurrent, c.allowed)
	r.find, r.library, r.load = found.Sub(began), opened.Sub(found), time.Since(opened)
	return nil
}

// errStopping is what those are told whose requests are still running when the time to finish is over.
var errStopping = fault.New(fault.Unavailable, "the model server is stopping; try again", fault.RetryAfter(time.Second))

// shutdown goes on taking requests for c.linger, then takes no more and waits for those in flight for c.drain at most. The rest are answered
// with 503.
func shutdown(host *httpserver.Server, c config) error {
	<-time.After(c.linger)
	ctx, cancel := context.WithTimeout(context.Background(), c.drain)
	defer cancel()
	return host.Drain(ctx, errStopping)
}
