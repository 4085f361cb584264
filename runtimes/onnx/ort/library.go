package ort

/*
#cgo CFLAGS: -D_GNU_SOURCE -O2 -Wall -Werror
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unsafe"

	"github.com/17882237881/MaaS/api/fault"
)

// Version is the release that library.sh fetches.
const Version = "1.31.1"

// Library is ONNX Runtime, loaded into the process for good.
type Library struct {
	c    *C.maas_library // in C's memory: C keeps pointers to it
	Path string
}

// Load opens the library at path, or the first of Candidates that can be opened if path is "". It fails with Unavailable if none can, and says
// why for each. The library stays in the process for good.
func Load(path string) (*Library, error) {
	candidates := []string{path}
	if path == "" {
		candidates = Candidates()
	}
	tried := make([]string, 0, len(candidates))
	for _, candidate := range candidates {
		l, err := load(candidate)
		if err == nil {
			return l, nil
		}
		// People are told of names alone: where they are is the host's business.
		folder := filepath.Dir(candidate) + string(filepath.Separator)
		tried = append(tried, filepath.Base(candidate)+" ("+strings.ReplaceAll(err.Error(), folder, "")+")")
	}
	return nil, fault.New(fault.Unavailable, "ONNX Runtime's library was not found: run runtimes/onnx/library.sh, or name it by --library or "+
		"ONNXRUNTIME_LIB_PATH; tried "+strings.Join(tried, "; "))
}

// Candidates lists where the library may be, in the order in which Load tries them: ONNXRUNTIME_LIB_PATH alone if set; else the system's,
// then beside the program, in ko's data folder, and in the cache that library.sh fills.
func Candidates() []string {
	if path := os.Getenv("ONNXRUNTIME_LIB_PATH"); path != "" {
		return []string{path}
	}
	const name = "libonnxruntime.so"
	found := []string{name, name + ".1"} // as the dynamic linker finds them
	folders := []string{os.Getenv("KO_DATA_PATH"), cacheFolder()}
	if program, err := os.Executable(); err == nil {
		beside := filepath.Dir(program)
		folders = append([]string{beside, filepath.Join(beside, "..", "lib")}, folders...)
	}
	for _, folder := range folders {
		if folder != "" {
			matches, _ := filepath.Glob(filepath.Join(folder, name+"*")) // fails on a malformed pattern alone
			found = append(found, matches...)
		}
	}
	return found
}

// cacheFolder returns the folder that library.sh fills, "" if the user has no cache folder.
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "maas", "onnxruntime", Version)
}

// load opens the library at path with the dynamic linker.
func load(path string) (*Library, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	c := (*C.maas_library)(C.calloc(1, C.sizeof_maas_library))
	if problem := C.maas_load(name, c); problem != nil {
		defer C.free(unsafe.Pointer(problem))
		C.free(unsafe.Pointer(c))
		return nil, errors.New(C.GoString(problem))
	}
	return &Library{c: c, Path: path}, nil
}

// Error is a failure that ONNX Runtime reports, in words for the model's owner.
type Error struct {
	Code    Code
	Message string
}

// Error returns ONNX Runtime's message.
func (e *Error) Error() string { return e.Message }

// OutOfMemory reports whether err is of an allocation that failed. ONNX Runtime has no code for that: the message is its arena's, or C++'s.
func OutOfMemory(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && (strings.Contains(refusal.Message, "bad_alloc") || strings.Contains(refusal.Message, "Failed to allocate memory"))
}

// Code is ONNX Runtime's class of a failure (OrtErrorCode).
type Code int

// InvalidArgument is the code for inputs that the model does not take.
const InvalidArgument Code = C.ORT_INVALID_ARGUMENT

// check returns the error of a status, an *Error, and releases the status. nil stands for success.
func (l *Library) check(status *C.OrtStatus) error {
	if status == nil {
		return nil
	}
	defer C.maas_release_status(l.c, status)
	return &Error{Code: Code(C.maas_code(l.c, status)), Message: readable(C.GoString(C.maas_message(l.c, status)))}
}

// sourceLine is where in ONNX Runtime's sources a message comes from, which is nothing to its users.
var sourceLine = regexp.MustCompile(`/\S+\.(?:cc|h|cpp):\d+ `)

// readable returns ONNX Runtime's message without places in its sources, cut to 500 bytes.
func readable(message string) string {
	const longest = 500
	message = sourceLine.ReplaceAllString(message, "")
	if len(message) > longest {
		message = strings.ToValidUTF8(message[:longest], "") + "…"
	}
	return message
}
