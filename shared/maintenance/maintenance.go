// Package maintenance runs sweep's periodic tasks within the time that a round has.
package maintenance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Task is one part of a round.
type Task struct {
	Name string // for the log and the metrics: "expire uploads"
	Run  func(context.Context) error
}

// config says when a round begins and ends.
type config struct {
	// Interval is the least time between the beginnings of two rounds.
	Interval time.Duration `env:"MAAS_SWEEP_INTERVAL" envDefault:"10s"`
	// Limit bounds a round. Its caller gives up after a minute on one machine, and on a cluster after the timeoutSeconds of sweep's Service.
	Limit time.Duration `env:"MAAS_SWEEP_TIMEOUT" envDefault:"50s"`
}

const (
	rotation = time.Minute // after which another task is the first
	grace    = time.Second // for a task to return after its deadline
)

// Tasks runs tasks in rounds. Rounds must not overlap.
type Tasks struct {
	all     []Task
	running []atomic.Bool // by task
	config  config
	log     *slog.Logger
	seconds *prometheus.GaugeVec
	failed  *prometheus.GaugeVec
}

// Open returns the tasks, and registers their metrics. It fails if MAAS_SWEEP_TIMEOUT is not positive.
func Open(e *env.Env, all ...Task) (*Tasks, error) {
	var c config
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	if c.Limit <= 0 {
		return nil, fmt.Errorf("MAAS_SWEEP_TIMEOUT is %s; it must be above zero", c.Limit)
	}
	seconds, err := telemetry.Register(e, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "maas_maintenance_task_seconds", Help: "How long the task ran in the last round.",
	}, []string{"task"}))
	if err != nil {
		return nil, err
	}
	failed, err := telemetry.Register(e, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "maas_maintenance_task_failed", Help: "1 if the task failed or did not end in time in the last round, else 0.",
	}, []string{"task"}))
	if err != nil {
		return nil, err
	}
	return &Tasks{all: all, running: make([]atomic.Bool, len(all)), config: c, log: e.Logger(), seconds: seconds, failed: failed}, nil
}

// Interval returns the least time between the beginnings of two rounds.
func (t *Tasks) Interval() time.Duration { return t.config.Interval }

// Round runs each task once, one after the other, within MAAS_SWEEP_TIMEOUT. Each task gets an equal part of the time that is left, so that later
// ones get what earlier ones did not need. Each minute another task is the first.
//
// Round returns the errors of all tasks, each with the task's name. When ctx ends it starts no more tasks.
func (t *Tasks) Round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.config.Limit)
	defer cancel()
	end, _ := ctx.Deadline()
	first := int(time.Now().UnixNano() / int64(rotation) % int64(len(t.all)))
	var errs []error
	for i := range t.all {
		n := (first + i) % len(t.all)
		errs = append(errs, t.run(ctx, n, time.Until(end)/time.Duration(len(t.all)-i)))
	}
	return errors.Join(errs...)
}

// run runs the task n for at most limit and a second, and sets its metrics. It returns the task's error with its name, and logs a task that took
// more than half of the limit.
func (t *Tasks) run(ctx context.Context, n int, limit time.Duration) error {
	task := t.all[n]
	began := time.Now()
	err := t.bounded(ctx, n, limit)
	took := time.Since(began)
	t.seconds.WithLabelValues(task.Name).Set(took.Seconds())
	if err != nil {
		t.failed.WithLabelValues(task.Name).Set(1)
		return fmt.Errorf("%s (%s of %s): %w", task.Name, took.Round(time.Millisecond), limit.Round(time.Millisecond), err)
	}
	t.failed.WithLabelValues(task.Name).Set(0)
	if took > limit/2 {
		t.log.WarnContext(ctx, "a maintenance task is slow", "task", task.Name, "took", took, "limit", limit)
	}
	return nil
}

// bounded runs the task n and returns its error, or another one if the task has not returned a second after limit. Such a task goes on in the
// background, and is not run again before it has returned.
func (t *Tasks) bounded(ctx context.Context, n int, limit time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not run: %w", err)
	}
	if !t.running[n].CompareAndSwap(false, true) {
		return errors.New("not run: its run of an earlier round has not returned")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ended := make(chan error, 1)
	go func() { // ends with the task
		err := safely(ctx, t.all[n].Run)
		t.running[n].Store(false) // before its end is told: the next round may begin then
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(grace):
		return fmt.Errorf("it has not returned after its end: %w", ctx.Err())
	}
}

// safely runs a task and returns its panic as an error.
func safely(ctx context.Context, task func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return task(ctx)
}
