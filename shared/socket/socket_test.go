package socket_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/socket"
)

func TestAHostOfURLIsDialedByItsSocketAndOthersAreNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.sock")
	inside, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inside.Close() })
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outside.Close() })
	dial := socket.Dialer(5 * time.Second)

	for address, network := range map[string]string{
		socket.URL(path)[len("http://"):] + ":80": "unix",
		outside.Addr().String():                   "tcp",
	} {
		connection, err := dial(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := connection.RemoteAddr().Network(); got != network {
			t.Errorf("%s is dialed by %s, want %s", address, got, network)
		}
		_ = connection.Close()
	}
	if _, err := dial(t.Context(), "tcp", "zz.socket.invalid:80"); err == nil {
		t.Error("a name that stands for no socket was dialed")
	}
}
