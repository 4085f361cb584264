// Package hostile has one test for each attack on what callers share: memory, slots, connections, streams, the disk. Each test attacks a host within
// bounds, beside an innocent caller whose answers must all come, and in time. They run on one machine; those without the build constraint !cluster
// run on a cluster as well.
package hostile
