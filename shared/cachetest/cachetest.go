// Package cachetest gives tests a Redis server of their own, which they can stop and start.
package cachetest

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a server that speaks Redis's protocol, with its own clock: FastForward moves it.
type Redis struct {
	*miniredis.Miniredis

	// URL is as REDIS_URL has it.
	URL string
}

// New starts a server and stops it when the test ends.
func New(t testing.TB) Redis {
	t.Helper()
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return Redis{server, "redis://" + server.Addr()}
}
