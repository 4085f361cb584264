package httpserver

import (
	"fmt"
	"math"
	"runtime/debug"
)

// Limits bound the open connections of a server. 0 stands for a bound that follows from the process's limits.
type Limits struct {
	// Connections bounds the open connections in all.
	Connections int `env:"MAAS_MAX_CONNECTIONS"`
	// PerAddress bounds the connections of one address, for IPv6 of one /64. By default it is half of all.
	PerAddress int `env:"MAAS_MAX_CONNECTIONS_PER_ADDRESS"`
	// Proxies are exempt from PerAddress.
	Proxies Proxies `env:"MAAS_TRUSTED_PROXIES"`
}

const (
	mostConnections   = 8192
	fewestConnections = 64
	// ownFiles are left for what the process has open besides requests: the stores' connections, pipes to child processes, files.
	ownFiles = 512
	// filesPerConnection counts the connection and what its request opens: in `maas up` an inference call has a connection to the activator,
	// the activator's end of it, and one to the model server.
	filesPerConnection = 4
	// connectionMemory is what an idle connection takes, rounded up: 20 KiB for HTTP/1, 30 KiB for HTTP/2 (TestIdleConnectionsTakeLittleMemory).
	connectionMemory = 32 << 10
	// memoryShare is the part of GOMEMLIMIT that connections may take: a quarter.
	memoryShare = 4
)

// derive returns how many connections a process may have by default that may open so many files and use so much memory, in bytes. It is 1 at
// least, and at most half of the files that the reserved connections leave.
func derive(files uint64, memory int64) int {
	byFiles := int((min(files, math.MaxInt32) - min(files, ownFiles)) / filesPerConnection)
	byMemory := int(min(memory/memoryShare/connectionMemory, math.MaxInt32))
	held := int(max(1, (min(files, math.MaxInt32)-min(files, reserved))/2))
	return min(held, max(fewestConnections, min(mostConnections, byFiles, byMemory)))
}

// resolve returns the limits with the defaults in place of 0. It fails for negative limits, and for more connections than the process may open
// files.
func (l Limits) resolve() (Limits, error) {
	files := maxFiles()
	switch {
	case l.Connections < 0 || l.PerAddress < 0:
		return l, fmt.Errorf("MAAS_MAX_CONNECTIONS is %d and MAAS_MAX_CONNECTIONS_PER_ADDRESS is %d; they are 0 (derive) or more", l.Connections, l.PerAddress)
	case uint64(l.Connections)+reserved >= files:
		return l, fmt.Errorf("MAAS_MAX_CONNECTIONS is %d, and this process may open %d files only: lower it, or raise the limit (ulimit -n, LimitNOFILE)",
			l.Connections, files)
	case l.Connections == 0:
		l.Connections = derive(files, debug.SetMemoryLimit(-1)) // -1 only asks
	}
	if l.PerAddress == 0 {
		l.PerAddress = max(1, l.Connections/2)
	}
	return l, nil
}
