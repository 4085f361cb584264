package metering

import (
	"github.com/17882237881/MaaS/api/event"
)

// memory is a journal that ends with its process. Its methods never fail.
type memory struct {
	open   []event.InferenceCall
	closed []closed
}

type closed struct {
	batch

	calls []event.InferenceCall
}

func (m *memory) add(call event.InferenceCall) error {
	m.open = append(m.open, call)
	return nil
}

func (m *memory) cut(b batch) error {
	m.closed = append(m.closed, closed{b, m.open})
	m.open = nil
	return nil
}

func (m *memory) oldest() (b batch, calls []event.InferenceCall, ok bool) {
	if len(m.closed) == 0 {
		return b, nil, false
	}
	return m.closed[0].batch, m.closed[0].calls, true
}

func (m *memory) drop() error {
	m.closed[0] = closed{} // so that its calls can go
	m.closed = m.closed[1:]
	return nil
}

func (m *memory) over() bool { return len(m.closed) > maxInMemory }

func (m *memory) close() error { return nil }
