package main

import (
	"strings"
	"testing"
)

func TestStoresListenWhereTheyAreTold(t *testing.T) {
	t.Parallel()
	const host = "127.20.30.40" // on Linux all of 127.0.0.0/8 is loopback: nobody else listens there

	text, err := program(t.Context(), "stores", "--data", temporary, "--fast", "--listen", host, "--", "printenv", "REDIS_URL").Output()

	must(t, err)
	if !strings.HasSuffix(strings.TrimSpace(string(text)), "@"+host+":16379") {
		t.Errorf("Redis is at %q", text)
	}
}
