// Package e2e has the tests that see MaaS as its users and its machine do: programs, processes and addresses.
//
// The journeys go against the host that MAAS_SERVER names, else against a `maas up` that is started for them. The tests that kill
// processes, take servers away or fill disks start a `maas up` of their own. The programs are those that `make build` has made; a folder
// of others may be named by MAAS_PROGRAMS.
package e2e
