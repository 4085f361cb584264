package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/runtimes/onnx/server"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/termination"
)

// config is what the program is started with.
type config struct {
	listen     string
	folder     string
	library    string
	device     string
	threads    int
	concurrent int
	linger     time.Duration
	drain      time.Duration
	lastWords  string
	logLevel   slog.Level
	server     server.Config
	allowed    allowance.Allowance
}

// parse reads the command line, with defaults from the environment. It writes usage and errors to messages, and returns flag.ErrHelp for
// -help.
func parse(arguments []string, messages io.Writer) (config, error) {
	c := config{}
	f := flag.NewFlagSet("maas-onnx", flag.ContinueOnError)
	f.SetOutput(messages)
	f.StringVar(&c.listen, "listen", ":"+environment("PORT", "8080"), "address to listen on, with port 0 for any free one, or unix:PATH; the port is $PORT's")
	f.StringVar(&c.folder, "model-dir", "/mnt/models", "folder of the version's files")
	f.StringVar(&c.library, "library", "", "ONNX Runtime's shared library (default: $ONNXRUNTIME_LIB_PATH, else where it is usually found)")
	f.StringVar(&c.device, "device", string(ort.CPU), "cpu or cuda")
	f.IntVar(&c.threads, "intra-op-threads", cores(), "threads of one run; 0: one for each core")
	f.IntVar(&c.concurrent, "concurrent-runs", runtime.GOMAXPROCS(0), "runs under way at once; more wait")
	f.DurationVar(&c.linger, "linger", 0, "how long a stop goes on taking requests, which those that do not know of it yet send")
	f.DurationVar(&c.drain, "drain", drainTime(), "how long a stop then waits for requests under way, until they are answered with 503")
	f.StringVar(&c.lastWords, "termination-log", termination.Path, "file that is told why it does not start, where there is one")
	f.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	f.Int64Var(&c.allowed.Memory, "memory", allowedMemory(),
		"bytes of memory that the process may take, beyond which a load or a run fails (with cuda its host alone ends it); 0: no bound")
	f.DurationVar(&c.allowed.Load, "load-time", allowedLoad(), "CPU time that loading the model may take; 0: no bound")
	f.StringVar(&c.server.ModelName, "model-name", "", "the name that is answered for (default: any)")
	f.StringVar(&c.server.ModelVersion, "model-version", "", "the version that is answered for (default: any)")
	f.Int64Var(&c.server.MaxBody, "max-body", 64<<20, "bytes of the longest request")
	f.IntVar(&c.server.MaxRequests, "max-requests", 64, "requests under way at once; more are refused")
	f.DurationVar(&c.server.ReadTimeout, "read-timeout", time.Minute, "how long a request's body may take to arrive")
	f.DurationVar(&c.server.MaxTimeout, "max-timeout", 10*time.Minute, "the longest that a request may take")
	err := f.Parse(arguments)
	if err == nil {
		err = c.check(f)
	}
	return c, err
}

// check fails if a flag has a value that it may not have, or an argument is no flag.
func (c *config) check(f *flag.FlagSet) error {
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("%q is no flag", f.Arg(0))
	case c.device != string(ort.CPU) && c.device != string(ort.CUDA):
		return fmt.Errorf("-device is %q: it is cpu or cuda", c.device)
	case c.allowed.Memory < 0 || c.allowed.Load < 0:
		return errors.New("-memory and -load-time are 0 or more")
	case c.threads < 0:
		return fmt.Errorf("-intra-op-threads is %d: it is 0 or more", c.threads)
	case c.concurrent < 1 || c.server.MaxRequests < 1 || c.server.MaxBody < 1:
		return errors.New("-concurrent-runs, -max-requests and -max-body are 1 or more")
	case c.server.ReadTimeout <= 0 || c.server.MaxTimeout <= 0:
		return errors.New("-read-timeout and -max-timeout are above 0")
	}
	return nil
}

// drainTime returns how long a stop waits for requests by default, so that it ends before the platform kills: 25 s, as Kubernetes kills after
// 30 s, and 9 minutes under Knative, which kills after 10.
func drainTime() time.Duration {
	if knative() {
		return 9 * time.Minute
	}
	return 25 * time.Second
}

// knative reports whether Knative runs the process.
func knative() bool { return os.Getenv("K_REVISION") != "" }

// cores returns the threads of one run by default: GOMAXPROCS if that is less than the machine's cores, as in a container, whose limit ONNX
// Runtime does not see. Otherwise it returns 0, for all cores.
func cores() int {
	if may := runtime.GOMAXPROCS(0); may < runtime.NumCPU() {
		return may
	}
	return 0
}

// allowedMemory returns the bytes of memory that the host grants this process, by its environment variable. It returns 0, for no limit of
// ours, if the variable is unset or no number.
func allowedMemory() int64 {
	n, err := strconv.ParseInt(os.Getenv(allowance.MemoryVariable), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// allowedLoad returns the CPU time that the host grants for loading the model, by its environment variable. It returns 0, for no limit, if the
// variable is unset or no duration.
func allowedLoad() time.Duration {
	d, err := time.ParseDuration(os.Getenv(allowance.LoadVariable))
	if err != nil {
		return 0
	}
	return d
}

// environment returns an environment variable, or otherwise if it is empty.
func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
