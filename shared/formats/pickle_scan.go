package formats

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// pickleScan walks the opcodes of pickles and follows what they do to the stack and the memo, as Python's unpickler does (CPython, Lib/pickle.py
// and Modules/_pickle.c), but makes no object. Where the unpicklers differ, it refuses.
type pickleScan struct {
	in     *byteStream
	ops    *[256]pickleOp
	report *pickleReport
	// storages says that persistent ids name the storages of tensors, as in a PyTorch archive.
	storages bool
	// arrays says that the bytes of arrays lie between the opcodes, as joblib has them.
	arrays bool

	stack    []pickleValue
	height   int   // of the stack before the opcode
	marks    []int // where in the stack a MARK is
	memos    []*pickleMemo
	frameEnd int64        // 0: outside of frames
	at       int64        // of the opcode
	done     bool         // after STOP
	pending  *joblibArray // an array wrapper that has no state yet
}

// pickleReport gathers what scans find in the pickles of one file.
type pickleReport struct {
	findings []Finding
	seen     map[string]bool // imports that were found
	scripted bool            // TorchScript reads it, which has classes of its own
	where    string          // the entry of an archive that is scanned, "" for the file
	steps    int
	inflated int64 // bytes of compressed pickles and code
	entries  int   // of archives
	imports  bool  // something that Python may find was imported
	calls    bool  // something was called, or changed
	stopped  int   // pickles that came to their ends
	arrays   int   // that joblib wrote between the opcodes
	tensors  []TensorInfo
	elements int64
	names    int              // bytes of the tensors' names
	model    string           // the first imported class of a library of models
	producer string           // that library
	version  string           // of scikit-learn
	storages map[string]int64 // bytes of PyTorch's storages by their keys; nil where these are not of interest
}

const (
	maxPickleSteps    = 1 << 28
	maxPickleFindings = 256
	highestProtocol   = 5 // PEP 574
)

func newPickleReport() *pickleReport {
	return &pickleReport{findings: []Finding{}, seen: map[string]bool{}}
}

// newPickleScan returns a scan of what is in the stream.
func newPickleScan(in *byteStream, report *pickleReport) *pickleScan {
	return &pickleScan{in: in, ops: pickleOps, report: report, memos: []*pickleMemo{newPickleMemo()}}
}

// all scans the pickles in the stream, one after the other, to its end: some programs load them all. It fails with a *Refusal at anything that
// is no pickle.
func (s *pickleScan) all() error {
	for {
		if err := s.one(); err != nil {
			return err
		}
		if ended, err := s.in.ended(); ended || err != nil {
			return err
		}
		s.again()
	}
}

// again makes ready for the next pickle. One unpickler that loads several keeps its memo, and a new one does not: both are followed.
func (s *pickleScan) again() {
	s.stack, s.height, s.marks, s.done, s.frameEnd = nil, 0, s.marks[:0], false, 0
	s.memos = []*pickleMemo{newPickleMemo(), s.memos[len(s.memos)-1]}
}

// one scans one pickle, to its STOP.
func (s *pickleScan) one() error {
	for !s.done {
		s.at = s.in.at
		if err := s.step(); errors.Is(err, errShort) {
			return truncated(s.in.at+int64(s.in.last-s.in.first), "a pickle goes on, and an opcode begins", s.at)
		} else if err != nil {
			return err
		}
	}
	if s.frameEnd > 0 {
		return malformed(s.at, "ends within a frame")
	}
	if s.pending != nil {
		return malformed(s.at, notJoblibArray)
	}
	return nil
}

// step reads an opcode and does what it does.
func (s *pickleScan) step() error {
	s.report.steps++
	if s.report.steps > maxPickleSteps {
		return tooComplex("has more than %d opcodes", maxPickleSteps)
	}
	if s.height > len(s.stack) {
		clear(s.stack[len(s.stack):s.height]) // what was popped takes no memory any more
	}
	s.height = len(s.stack)
	b, err := s.in.next(1)
	if err != nil {
		return err
	}
	op := &s.ops[b[0]]
	if op.run == nil {
		return malformed(s.at, "has %#02x, which is no opcode of a pickle", b[0])
	}
	argument, err := s.argument(op.argument)
	if err != nil {
		return err
	}
	if err := op.run(s, argument); err != nil {
		return err
	}
	return s.checkFrame()
}

// checkFrame makes sure that no opcode is in two frames: what follows would depend on the unpickler.
func (s *pickleScan) checkFrame() error {
	switch {
	case s.frameEnd == 0, s.in.at < s.frameEnd:
		return nil
	case s.in.at > s.frameEnd:
		return malformed(s.at, "has an opcode beyond the end of its frame")
	}
	s.frameEnd = 0
	return nil
}

// frame begins a frame of n bytes.
func (s *pickleScan) frame(n int64) error {
	if s.frameEnd > 0 {
		return malformed(s.at, "has a frame within a frame")
	}
	if n > 0 {
		s.frameEnd = s.in.at + n
	}
	if n < 0 || s.frameEnd < 0 {
		return malformed(s.at, "has a frame without a valid length")
	}
	return nil
}

// push puts a value on the stack, and forgets what is known of one far below.
func (s *pickleScan) push(v pickleValue) error {
	if len(s.stack) >= maxPickleStack {
		return tooComplex("has more than %d values on its stack, at byte %d", maxPickleStack, s.at)
	}
	s.stack = append(s.stack, v)
	if far := len(s.stack) - pickleDepth; far >= 0 && s.stack[far] != nil && !pickleKeeps(s.stack[far]) {
		s.stack[far] = pickleForgotten{}
	}
	return nil
}

// base returns how far down the stack may be popped: to the last MARK.
func (s *pickleScan) base() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1]
}

// pop takes the topmost n values from the stack. They are good until the next push.
func (s *pickleScan) pop(n int) ([]pickleValue, error) {
	if len(s.stack)-n < s.base() {
		return nil, malformed(s.at, "has an opcode for which too few values are on the stack")
	}
	top := s.stack[len(s.stack)-n:]
	s.stack = s.stack[:len(s.stack)-n]
	return top, nil
}

// top returns the topmost value.
func (s *pickleScan) top() (pickleValue, error) {
	if len(s.stack) <= s.base() {
		return nil, malformed(s.at, "has an opcode for which no value is on the stack")
	}
	return s.stack[len(s.stack)-1], nil
}

// popMark takes the values above the last MARK, and the MARK, from the stack. They are good until the next push.
func (s *pickleScan) popMark() ([]pickleValue, error) {
	if len(s.marks) == 0 {
		return nil, malformed(s.at, "has an opcode for which no MARK is on the stack")
	}
	from := s.base()
	s.marks = s.marks[:len(s.marks)-1]
	top := s.stack[from:]
	s.stack = s.stack[:from]
	return top, nil
}

// store puts the topmost value into the memo; at index -1: behind the others.
func (s *pickleScan) store(index int64) error {
	v, err := s.top()
	if err != nil {
		return err
	}
	text, _ := v.(string)
	_, dtype := v.(*numPyType)
	for _, m := range s.memos {
		at := index
		if at < 0 {
			at = m.count
		}
		if !m.put(at, v, dtype || pickleKnows(text)) {
			return tooComplex("has a memo with more than %d values, at byte %d", maxPickleMemo, s.at)
		}
	}
	return nil
}

// load pushes the value at an index of the memo.
func (s *pickleScan) load(index int64) error {
	v, ok := s.memos[0].get(index)
	for _, m := range s.memos[1:] {
		other, has := m.get(index)
		if has && (!ok || !pickleSame(v, other)) {
			v, ok = pickleForgotten{}, true
		}
	}
	if !ok {
		return malformed(s.at, "takes the value %d from its memo, which is not there", index)
	}
	return s.push(v)
}

// pickleSame reports whether two values are known to be the same.
func pickleSame(a, b pickleValue) bool {
	_, tuple := a.(pickleTuple)
	_, also := b.(pickleTuple)
	return !tuple && !also && a == b
}

// imported records that a class or function is imported, and returns it. A finding says so, unless it is on the list of what is harmless.
func (s *pickleScan) imported(module, name pickleValue) *pickleGlobal {
	from, ok := module.(string)
	what, also := name.(string)
	s.report.imports = s.report.imports || !ok || isModuleName(from)
	if !ok || !also {
		s.find("import", "imports what is only known when it is loaded")
		return &pickleStrange
	}
	known := pickleAllowed(from, what)
	if known == nil && s.report.scripted && isTorchScriptImport(from, what) {
		return &pickleStrange
	}
	if known == nil {
		s.find("import", "imports "+pickleName(from)+"."+pickleName(what))
		return &pickleStrange
	}
	s.report.library(known)
	return known
}

// isModuleName reports whether a name may be a module's. Text that begins like an import, as "class Net(Module):" does, has other characters.
func isModuleName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune("_-.", r)
	})
}

// runs reports whether loading what was scanned may have done something, though it cannot be scanned to its end. Numbers that look like opcodes by
// chance have hardly ever an import among them. Extensions and persistent ids, which they do have, lead to nothing that the program does not bring.
func (r *pickleReport) runs() bool {
	return r.imports && (r.calls || r.stopped > 0) && len(r.findings) > 0
}

// find records an unsafe finding about the opcode, once.
func (s *pickleScan) find(code, detail string) { s.report.find(code, detail, s.at, true) }

// find records a finding, once.
func (r *pickleReport) find(code, detail string, at int64, unsafe bool) {
	if r.where != "" {
		detail = shorten(r.where) + " " + detail
	}
	switch {
	case r.seen[detail], len(r.findings) > maxPickleFindings:
		return
	case len(r.findings) == maxPickleFindings:
		code, detail, unsafe = "more", fmt.Sprintf("has more than %d findings", maxPickleFindings), true
	}
	r.seen[detail] = true
	r.findings = append(r.findings, Finding{Code: code, Detail: detail, Unsafe: unsafe, Offset: at})
}

// pickleName returns a name for a sentence: as it is, or quoted if it has characters that no name has.
func pickleName(s string) string {
	const most = 200
	short := s[:min(len(s), most)]
	for _, r := range short {
		if r == unicode.ReplacementChar || r == '"' || !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return strconv.QuoteToASCII(short)
		}
	}
	return short
}
