// Command inside is an HTTP proxy: in a pod, it lets a test ask from inside the cluster.
package main

import (
	"net/http"
	"net/http/httputil"
	"time"
)

func main() {
	server := &http.Server{
		Addr: ":8080", ReadHeaderTimeout: time.Minute,
		Handler: &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}, // a proxy's request names its host
	}
	panic(server.ListenAndServe())
}
