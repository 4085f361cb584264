//go:build !unix

package httpserver

import "net"

// hasInput is not known here.
func hasInput(net.Conn) bool { return false }
