//go:build !linux

package httpserver

import "net"

// watcher watches nothing here: a client that goes is seen by net/http as long as it has sent nothing after its request.
type watcher struct{}

// watch does nothing and never calls its function; forget does nothing either.
func (watcher) watch(net.Conn, func()) (forget func()) { return func() {} }
