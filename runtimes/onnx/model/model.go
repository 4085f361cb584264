// Package model runs the one model of a model server: it checks a request against what the model declares, waits for its turn, and runs.
package model

import (
	"context"
	"errors"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/openinference"
)

// Model is a loaded model. It is safe for concurrent use.
type Model struct {
	session *ort.Session
	slots   chan struct{} // one element for each run under way
	allowed allowance.Allowance
}

// New returns a model that runs on the session, with at most concurrent runs at once; more wait. allowed is what the process may take, for
// messages.
func New(session *ort.Session, concurrent int, allowed allowance.Allowance) *Model {
	return &Model{session: session, slots: make(chan struct{}, concurrent), allowed: allowed}
}

// Inputs returns what the model takes; -1 in a shape stands for a dimension of any size.
func (m *Model) Inputs() []openinference.TensorMetadata { return m.session.Inputs }

// Outputs returns what the model gives.
func (m *Model) Outputs() []openinference.TensorMetadata { return m.session.Outputs }

// Infer runs the model once. It fails with Invalid where the request does not fit the model, naming the tensor and what it should be; with
// Timeout or Canceled when ctx ends, which also ends a run that is under way; and with Unprocessable where the model itself fails.
func (m *Model) Infer(ctx context.Context, r *openinference.Request) ([]openinference.Tensor, error) {
	if err := m.checkInputs(r.Inputs); err != nil {
		return nil, err
	}
	outputs, err := m.outputNames(r.Outputs)
	if err != nil {
		return nil, err
	}
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	tensors, err := m.session.Run(ctx, r.Inputs, outputs)
	if err != nil {
		return nil, failed(ctx, OutOfMemory(err, m.allowed))
	}
	return tensors, nil
}

// failed returns the error of a run as a fault: the end of ctx as ended does, Invalid if ONNX Runtime blames the input, and Unprocessable if
// the model cannot run it.
func failed(ctx context.Context, err error) error {
	var refusal *ort.Error
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case fault.Is(err, fault.Unprocessable): // OutOfMemory's
		return fault.New(fault.Unprocessable, "the model cannot run this input: "+fault.From(err).Message, fault.Cause(err))
	case errors.As(err, &refusal):
		return fault.New(kindOf(refusal.Code), "the model cannot run this input: "+refusal.Message, fault.Cause(err))
	default:
		return err
	}
}

// OutOfMemory returns an Unprocessable error that says what the process may take, if err is an allocation that failed. It returns any other
// error, and nil, as it is, and everything if there is no limit of memory.
func OutOfMemory(err error, allowed allowance.Allowance) error {
	if allowed.Memory == 0 || !ort.OutOfMemory(err) {
		return err
	}
	return fault.New(fault.Unprocessable, allowed.Exceeded(allowance.Memory), fault.Cause(err))
}

// kindOf returns Invalid for InvalidArgument, and Unprocessable for every other code.
func kindOf(code ort.Code) fault.Kind {
	if code == ort.InvalidArgument {
		return fault.Invalid
	}
	return fault.Unprocessable
}

// ended returns the error for a ctx that has ended: Timeout if its deadline has passed, and Canceled otherwise.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Timeout, "the deadline passed before the model was done", fault.Cause(ctx.Err()))
	}
	return fault.New(fault.Canceled, "the client went away before the model was done", fault.Cause(ctx.Err()))
}
