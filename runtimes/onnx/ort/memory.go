package ort

// #include "shim.h"
import "C"

// LastWords are how a process ends that aborts because it is out of memory.
type LastWords struct {
	Status int    // its exit status
	Least  int64  // bytes; if fewer can be allocated, it is out of memory
	Log    string // what it writes to stderr
	Path   string // a file, if it is there
	Reason string // what it writes to the file
}

// OnOutOfMemory makes an abort (SIGABRT) end the process with the last words if it is out of memory. C code aborts when it cannot create a thread, and C++
// code when an allocation fails where no exception may be thrown. OnOutOfMemory is called once.
func OnOutOfMemory(w LastWords) {
	C.maas_end_of_memory(C.maas_last_words{ // its texts are never freed
		status: C.int(w.Status), least: C.size_t(w.Least),
		log: C.CString(w.Log), path: C.CString(w.Path), reason: C.CString(w.Reason),
	})
}
