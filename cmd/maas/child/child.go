// Package child runs other programs under this process: it starts them, waits until they answer, joins their output to one log,
// restarts those that die, and stops them. On Linux a child never outlives this process, whatever ends it.
package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Spec says what a child is. Name, Command and Log are needed; the rest has defaults.
type Spec struct {
	// Name is the child's name in logs and errors.
	Name string
	// Command makes the command; it is called once for each start, and sets path, arguments, environment and folder. Output goes
	// to Log unless Command sets Stdout or Stderr. What Command returns an error for is not started.
	Command func() (*exec.Cmd, error)
	// Log gets each line of the child's output, with the child's name. Lines of JSON from slog keep their level and attributes.
	Log *slog.Logger
	// Ready reports whether the child answers; nil means that it is ready once it runs. It is asked every 20 ms, each time with a
	// deadline of a second.
	Ready func(context.Context) error
	// ReadyWithin bounds the wait for Ready; 30 s by default.
	ReadyWithin time.Duration
	// Stop asks the child to end; SIGTERM by default.
	Stop syscall.Signal
	// Grace is how long it may take after Stop until it is killed; 10 s by default.
	Grace time.Duration
	// Orphan is what the kernel sends to the child when this process is gone (Linux); SIGKILL by default.
	Orphan syscall.Signal
	// Foreground leaves the child in this process's group, so that it can read the terminal and gets Ctrl-C from it. Other
	// children have a group of their own: they are stopped in order, and Stop and the last kill reach their own children too.
	Foreground bool
	// Nice is how much lower than this process's the child's priority for CPU time is, 0 to 19 (Linux).
	Nice int
	// Started, if there is one, is told the child's process id as soon as it runs.
	Started func(pid int)
}

// Process is one run of a child.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts the child and waits until it is ready. It fails if it ends before that, or is not ready within ReadyWithin or before
// ctx ends; then nothing is left running. ctx bounds the wait alone: the child runs until it ends or Stop is called.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	spec = spec.withDefaults()
	p := &Process{spec: spec, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started) // ends with the child, which Stop bounds
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	if err := p.awaitReady(ctx); err != nil {
		p.kill()
		<-p.done
		return nil, err
	}
	return p, nil
}

// run starts the command, sends nil or the error of the start to started, waits until the command has ended, and then closes done. It keeps
// one OS thread throughout: the kernel sends the parent-death signal when the thread that started the child ends, not the process (prctl(2),
// PR_SET_PDEATHSIG).
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	if p.spec.Nice == 0 {
		defer runtime.UnlockOSThread()
	} else if err := lower(p.spec.Nice); err != nil { // the child inherits the thread's priority; the thread ends with this goroutine
		p.spec.Log.Warn("the child's priority is not lowered", "child", p.spec.Name, "error", err)
	}

	cmd, err := p.spec.Command()
	if err != nil {
		started <- err
		return
	}
	p.cmd = cmd
	output := attach(cmd, p.spec)
	cmd.WaitDelay = 2 * time.Second // grandchildren may hold the output open
	cmd.SysProcAttr = attributes(cmd.SysProcAttr, p.spec)
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	if p.spec.Started != nil {
		p.spec.Started(cmd.Process.Pid)
	}
	started <- nil
	p.err = cmd.Wait()
	output.flush()
	close(p.done)
}

// awaitReady calls Spec.Ready every 20 ms until it returns nil; without Ready it returns at once. It fails if the child ends first, or if
// ReadyWithin passes or ctx ends. It does not stop the child.
func (p *Process) awaitReady(ctx context.Context) error {
	if p.spec.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.spec.ReadyWithin)
	defer cancel()
	for {
		err := p.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: %w", p.spec.Name, p.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready in time: %w", p.spec.Name, errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ask calls Spec.Ready once, with a deadline of one second.
func (p *Process) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return p.spec.Ready(ctx)
}

// PID returns the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended, once Done is closed: nil for exit status 0, an *exec.ExitError mostly.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends a signal to the child alone. It fails with os.ErrProcessDone if the child has ended.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop asks the child to end, kills it after the grace or when ctx ends, and waits until it is gone.
func (p *Process) Stop(ctx context.Context) {
	p.signalAll(p.spec.Stop)
	grace := time.NewTimer(p.spec.Grace)
	defer grace.Stop()
	select {
	case <-p.done:
		return
	case <-grace.C:
	case <-ctx.Done():
	}
	p.spec.Log.Warn("the child did not stop in time and is killed", "child", p.spec.Name)
	p.kill()
	<-p.done
}

// kill sends SIGKILL to the child's process group, as signalAll does. It does not wait.
func (p *Process) kill() { p.signalAll(syscall.SIGKILL) }

// signalAll sends s to the child's whole process group, or to the child alone if Spec.Foreground is set. It does nothing once the child has
// ended.
func (p *Process) signalAll(s syscall.Signal) {
	select {
	case <-p.done: // the id may be another process's by now
		return
	default:
	}
	if p.spec.Foreground {
		_ = p.cmd.Process.Signal(s) // it has ended if this fails
		return
	}
	_ = syscall.Kill(-p.PID(), s)
}

// withDefaults returns s with the defaults in place of a zero ReadyWithin, Stop, Grace and Orphan.
func (s Spec) withDefaults() Spec {
	if s.ReadyWithin == 0 {
		s.ReadyWithin = 30 * time.Second
	}
	if s.Stop == 0 {
		s.Stop = syscall.SIGTERM
	}
	if s.Grace == 0 {
		s.Grace = 10 * time.Second
	}
	if s.Orphan == 0 {
		s.Orphan = syscall.SIGKILL
	}
	return s
}
