//go:build !unix

package httpserver

import "net"

// hasInput returns false: whether bytes have arrived is not known here.
func hasInput(net.Conn) bool { return false }
