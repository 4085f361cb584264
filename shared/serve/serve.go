// Package serve hosts a function: on func-go, by Main or by the scaffolding of func, and within the one-machine host, by Mount.
//
// It answers what func-go v0.22.0 leaves open: requests before Start has returned, its 30 s cut, panics, draining, cleartext HTTP/2, its
// log level. It opens nothing itself: env.Env shares what the functions of one process open.
package serve
