//go:build unix

package httpserver

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasInput reports whether bytes have arrived on the connection that nobody has read yet. It reads none and does not wait; errors count as
// false.
func hasInput(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	err = raw.Control(func(fd uintptr) {
		var first [1]byte
		n, _, _ = unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK|unix.MSG_DONTWAIT) // 0 at the end of the stream, and with an error
	})
	return err == nil && n > 0
}
