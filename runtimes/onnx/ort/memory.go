package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

// LastWords is how a process ends that finds no memory where it cannot go on without.
type LastWords struct {
	Status int    // its exit status
	Least  int64  // bytes; it has found none if fewer are left
	Log    string // what it writes to stderr
	Path   string // a file, if it is there
	Reason string // what it writes to the file
}

// OnOutOfMemory has the process end so when it aborts for want of memory: C code does that which gets no thread, and C++ code which may not fail. It is
// called once.
func OnOutOfMemory(w LastWords) {
	C.maas_end_of_memory(C.maas_last_words{ // its texts are never freed
		status: C.int(w.Status), least: C.size_t(w.Least),
		log: C.CString(w.Log), path: C.CString(w.Path), reason: C.CString(w.Reason),
	})
}
