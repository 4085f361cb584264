// Package journeys goes the ways of MaaS's users, on any host: on the one that MAAS_SERVER names, else on a `maas up` that is started for them.
package journeys
