// Package machine has the tests that see the one-machine host as its machine does: they kill processes, take servers away and fill disks, each
// with a `maas up` of its own.
package machine
