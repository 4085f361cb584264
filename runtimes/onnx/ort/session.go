package ort

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// Device is what runs a model.
type Device string

// The devices.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda" // needs a library that was built with it
)

// Config says how a model is run.
type Config struct {
	Device  Device
	Threads int // of one run; 0: one for each core

	// Folded bounds the bytes of each constant that is computed while the model is loaded; a node beyond it is computed by each run. 0: ONNX Runtime's
	// own bound, 1 GiB since its version 1.27.
	Folded int64
}

// Session is a model, ready to run. Runs may overlap.
type Session struct {
	Inputs, Outputs []openinference.TensorMetadata

	library *Library
	using   sync.RWMutex       // read-locked by each run, so that Close waits for them
	c       *C.OrtSession      // nil when closed
	names   map[string]*C.char // of the inputs and outputs, in C's memory
}

// Open loads the model at path. It fails with Unprocessable if ONNX Runtime refuses the file, or an input or output is no tensor that the
// protocol has. The caller closes the session.
func (l *Library) Open(path string, config Config) (*Session, error) {
	s := &Session{library: l, names: map[string]*C.char{}}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	settings := C.maas_session_config{threads: C.int(config.Threads)}
	if config.Folded > 0 {
		folded := C.CString(strconv.FormatInt(config.Folded, 10))
		defer C.free(unsafe.Pointer(folded))
		settings.folded = folded
	}
	if config.Device == CUDA {
		settings.cuda = 1
	}
	if err := l.check(C.maas_open(l.c, name, settings, &s.c)); err != nil {
		said := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "") // of the file its name alone is anybody's business
		return nil, fault.New(fault.Unprocessable, "ONNX Runtime does not load the model: "+said, fault.Cause(err))
	}
	if err := s.describe(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close waits until the runs in progress have ended, and frees the model. Later runs fail. It is called once.
func (s *Session) Close() {
	s.using.Lock()
	defer s.using.Unlock()
	C.maas_release_session(s.library.c, s.c)
	s.c = nil
	for _, name := range s.names {
		C.free(unsafe.Pointer(name))
	}
}

// describe reads the model's Inputs and Outputs. It fails with Unprocessable if one is no tensor that the protocol has.
func (s *Session) describe() (err error) {
	if s.Inputs, err = s.declarations(0); err != nil {
		return err
	}
	s.Outputs, err = s.declarations(1)
	return err
}

// declarations returns the model's inputs if outputs is 0, and its outputs if it is 1.
func (s *Session) declarations(outputs C.int) ([]openinference.TensorMetadata, error) {
	var count C.size_t
	if err := s.library.check(C.maas_count(s.library.c, s.c, outputs, &count)); err != nil {
		return nil, err
	}
	all := make([]openinference.TensorMetadata, 0, count)
	for i := range count {
		t, err := s.declaration(outputs, i)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// declaration returns the i-th input or output, and keeps its name in C's memory for the runs. It fails with Unprocessable if it is no tensor
// that the protocol has.
func (s *Session) declaration(outputs C.int, i C.size_t) (openinference.TensorMetadata, error) {
	var name *C.char
	var declared C.maas_tensor
	if err := s.library.check(C.maas_declared(s.library.c, s.c, outputs, i, &name, &declared)); err != nil {
		return openinference.TensorMetadata{}, err
	}
	t := openinference.TensorMetadata{Name: C.GoString(name), Shape: shapeOf(&declared)}
	if known := s.names[t.Name]; known != nil {
		C.free(unsafe.Pointer(name)) // an input that is an output too
	} else {
		s.names[t.Name] = name
	}
	var ok bool
	if t.Datatype, ok = datatypeOf(declared._type); declared.is_tensor == 0 || !ok {
		return t, fault.New(fault.Unprocessable, fmt.Sprintf("the model's %q is no tensor of a type that the protocol knows", t.Name))
	}
	return t, nil
}

// Run computes the named outputs from the inputs, each of which must be one of Inputs by name and datatype. The end of ctx ends the run, and
// Run then gives ctx's error; after Close it fails with Unavailable; any other error is an *Error of ONNX Runtime.
func (s *Session) Run(ctx context.Context, inputs []openinference.Tensor, outputs []string) ([]openinference.Tensor, error) {
	s.using.RLock()
	defer s.using.RUnlock()
	if s.c == nil {
		return nil, fault.New(fault.Unavailable, "the model is unloaded")
	}
	r, err := s.newRun(inputs, outputs)
	if err != nil {
		return nil, err
	}
	defer r.release()

	if err := r.do(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return r.results(outputs)
}
