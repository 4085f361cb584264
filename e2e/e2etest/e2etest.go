// Package e2etest gives the tests of e2e what they share: users at their terminals and with their HTTP clients, hosts on this machine, models.
//
// The programs are those that `make build` has made; MAAS_PROGRAMS may name a folder of others.
package e2etest
