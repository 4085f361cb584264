package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// nginx starts nginx with what stands before its server and a location, and gives its address. It is the peer where it is installed; the run says so where it is not.
func nginx(b *testing.B, before, location string) (address string, there bool) {
	b.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		b.Log("nginx is not installed: there is no ratio to it")
		return "", false
	}
	folder, address := b.TempDir(), freeAddress(b)
	config := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf(`
daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/error.log crit;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000; client_body_temp_path %[1]s; proxy_temp_path %[1]s;
	fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	%[3]s
	server { listen %[2]s; location = /ready { return 200; } %[4]s }
}`, folder, address, before, location)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "-p", folder, "-c", config)
	go func() { // ends with nginx, which writes nothing
		start(b, cmd)
	}()
	awaitReady(b, "http://"+address+"/ready")
	return address, true
}
