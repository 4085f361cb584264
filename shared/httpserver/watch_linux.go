package httpserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// watcher tells of connections whose peers have closed or reset them.
//
// net/http notices that by reading, and stops reading as soon as a byte has come that belongs to no request under way: a stray line break after a
// body, the next request of a pipeline. The kernel tells it whatever was sent before (epoll_ctl(2), EPOLLRDHUP). A peer that has closed only its
// own half counts as gone, as it does for nginx.
type watcher struct {
	mu   sync.Mutex
	poll *os.File // an epoll instance; nil while nothing is watched
	last uint64
	gone map[uint64]func() // by the number that the kernel gives back
}

// watch calls gone once when the connection's peer has closed or reset it. The caller calls forget when the connection is closed. A connection
// that cannot be watched is left to net/http.
func (w *watcher) watch(c net.Conn, gone func()) (forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	number, err := w.add(c)
	if err != nil {
		return func() { w.closeIfIdle() }
	}
	if w.gone == nil {
		w.gone = map[uint64]func(){}
	}
	w.gone[number] = gone
	return func() { w.remove(number) }
}

// add adds a connection to the epoll instance, which it creates if need be, and returns the number by which the kernel reports it. It fails if
// the connection is no socket. The caller has the mutex.
func (w *watcher) add(c net.Conn) (uint64, error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return 0, errors.New("httpserver: the connection is no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("httpserver: socket: %w", err)
	}
	if err := w.open(); err != nil {
		return 0, err
	}
	poll, err := w.poll.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("httpserver: epoll: %w", err)
	}
	w.last++
	number := w.last
	var failed error
	low, high := int32(uint32(number)), int32(uint32(number>>32)) //nolint:gosec // its two halves
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: low, Pad: high}
	err = poll.Control(func(instance uintptr) {
		err := raw.Control(func(fd uintptr) { failed = unix.EpollCtl(int(instance), unix.EPOLL_CTL_ADD, int(fd), &event) })
		failed = errors.Join(failed, err)
	})
	return number, errors.Join(err, failed)
}

// open creates the epoll instance if there is none, and starts serve for it. The caller has the mutex.
func (w *watcher) open() error {
	if w.poll != nil {
		return nil
	}
	instance, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("httpserver: epoll: %w", err)
	}
	if err := unix.SetNonblock(instance, true); err != nil {
		return errors.Join(fmt.Errorf("httpserver: epoll: %w", err), unix.Close(instance))
	}
	poll := os.NewFile(uintptr(instance), "epoll")
	raw, err := poll.SyscallConn()
	if err != nil {
		return errors.Join(fmt.Errorf("httpserver: epoll: %w", err), poll.Close())
	}
	w.poll = poll
	go w.serve(raw) // ends when the last connection is forgotten
	return nil
}

// serve calls tell for each connection that the epoll instance reports, until the instance is closed.
func (w *watcher) serve(poll syscall.RawConn) {
	var events [64]unix.EpollEvent
	for {
		var n int
		var failed error
		err := poll.Read(func(fd uintptr) bool {
			n, failed = unix.EpollWait(int(fd), events[:], 0)
			return n != 0
		})
		switch {
		case err != nil || failed != nil && !errors.Is(failed, unix.EINTR):
			return
		case failed != nil:
			continue
		}
		for _, event := range events[:n] {
			w.tell(uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32) //nolint:gosec // add's halves
		}
	}
}

// tell calls the gone of the connection with the number, unless it was forgotten.
func (w *watcher) tell(number uint64) {
	w.mu.Lock()
	gone := w.gone[number]
	w.mu.Unlock()
	if gone != nil {
		gone()
	}
}

// remove forgets the connection with the number, and closes the epoll instance if it was the last.
func (w *watcher) remove(number uint64) {
	w.mu.Lock()
	delete(w.gone, number)
	w.mu.Unlock()
	w.closeIfIdle()
}

// closeIfIdle closes the epoll instance if no connection is watched. The next watch creates another.
func (w *watcher) closeIfIdle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.gone) == 0 && w.poll != nil {
		_ = w.poll.Close()
		w.poll = nil
	}
}
