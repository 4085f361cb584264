package ort

/*
#include "shim.h"
*/
import "C"

import (
	"context"

	"github.com/17882237881/MaaS/shared/openinference"
)

// run is one run of a session: what it takes and gives, in C's memory, until release.
type run struct {
	session     *Session
	options     *C.OrtRunOptions
	inputNames  []*C.char
	inputs      []*C.OrtValue
	outputNames []*C.char
	outputs     []*C.OrtValue
}

// newRun copies the inputs into ONNX Runtime's memory for a run that computes the named outputs. The caller calls release.
func (s *Session) newRun(inputs []openinference.Tensor, outputs []string) (*run, error) {
	r := &run{session: s}
	if err := s.library.check(C.maas_new_run(s.library.c, &r.options)); err != nil {
		return nil, err
	}
	for i := range inputs {
		value, err := s.library.newValue(&inputs[i])
		if err != nil {
			r.release()
			return nil, err
		}
		r.inputs = append(r.inputs, value)
		r.inputNames = append(r.inputNames, s.names[inputs[i].Name])
	}
	for _, name := range outputs {
		r.outputNames = append(r.outputNames, s.names[name])
	}
	r.outputs = make([]*C.OrtValue, len(outputs))
	return r, nil
}

// do runs the model in this goroutine and waits for it. The end of ctx stops the run between two of its nodes; the error is then ctx's or ONNX
// Runtime's.
func (r *run) do(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, told := r.session.library, make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		defer close(told)
		_ = l.check(C.maas_terminate(l.c, r.options)) // setting a flag does not fail
	})
	status := C.maas_run(l.c, r.session.c, r.options,
		first(r.inputNames), first(r.inputs), C.size_t(len(r.inputs)),
		first(r.outputNames), C.size_t(len(r.outputs)), first(r.outputs))
	if !forget() {
		<-told // the options may be released only when nobody looks at them any more
	}
	return l.check(status)
}

// results copies the outputs of a run that has ended, in the order of names, which are those that newRun was given.
func (r *run) results(names []string) ([]openinference.Tensor, error) {
	tensors := make([]openinference.Tensor, len(names))
	for i, name := range names {
		t, err := r.session.library.read(r.outputs[i])
		if err != nil {
			return nil, err
		}
		t.Name = name
		tensors[i] = t
	}
	return tensors, nil
}

// release frees what the run has in C's memory.
func (r *run) release() {
	l := r.session.library
	for _, value := range append(r.inputs, r.outputs...) {
		if value != nil {
			C.maas_release_value(l.c, value)
		}
	}
	C.maas_release_run(l.c, r.options)
}

// first returns the address of a slice's first element as C wants an array, nil for an empty slice.
func first[T any](slice []T) *T {
	if len(slice) == 0 {
		return nil
	}
	return &slice[0]
}
