// Package bench holds the benchmarks of MaaS, each of which runs its peer beside it in the same run and reports the ratio: medians of five
// rounds that take turns, so that what else the machine does falls on both. It has tests alone.
package bench
