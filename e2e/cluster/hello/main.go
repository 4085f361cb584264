// Command hello is the least that a Knative Service can be: the peer of the functions' cold starts.
package main

import (
	"io"
	"net/http"
	"time"
)

func main() {
	server := &http.Server{
		Addr: ":8080", ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") }),
	}
	panic(server.ListenAndServe())
}
