package formats

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// joblib reads what joblib.dump writes compressed, with zlib, gzip or bzip2 (joblib/compressor.py): a pickle with the bytes of arrays between its
// opcodes. It is decompressed as a stream. Files that are not compressed are read by pickle.
type joblib struct{}

// The bounds of what a compressed file may hold. Deflate makes at most 1,032 bytes of one; bzip2 makes more of zeros alone.
const (
	maxInflated = 16 << 30
	maxRatio    = 2048
)

func (joblib) about() about {
	return about{format: Joblib, name: "a joblib file", endings: []string{".joblib", ".pkl", ".pickle"}, kind: Sklearn, code: true, pickled: true}
}

// recognises takes what is compressed, and begins like a pickle when it is not, for a file of joblib.
func (joblib) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	if err != nil || joblibCompression(head) == nil {
		return false, err
	}
	content, err := newInflated(f)
	if err != nil {
		return false, f.fault
	}
	begin := make([]byte, headSize)
	n, _ := io.ReadFull(content, begin)
	return isPickle(begin[:n]), f.fault
}

func (joblib) read(f *file) (Model, error) {
	if err := f.notTar(); err != nil {
		return Model{}, err
	}
	content, err := newInflated(f)
	if err != nil {
		return Model{}, err
	}
	report := newPickleReport()
	scan := newPickleScan(newByteStream(content), report)
	scan.arrays = true
	if err := scan.all(); err != nil {
		return Model{}, content.explain(err)
	}
	m := newModel(Joblib)
	report.fill(&m)
	return m, nil
}

// joblibCompression returns what decompresses a file that begins so, or nil.
func joblibCompression(head []byte) func(*bufio.Reader) (io.Reader, error) {
	switch {
	case len(head) < 3:
		return nil
	case isZlibHead(head):
		return newZlibStreams
	case head[0] == 0x1f && head[1] == 0x8b && head[2] == 8: // deflate (RFC 1952, 2.3.1)
		return func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case string(head[:3]) == "BZh":
		return func(r *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }
	default:
		return nil
	}
}

// zlibStreams reads zlib streams one after the other, as joblib does (BinaryZlibFile).
type zlibStreams struct {
	from *bufio.Reader
	now  io.ReadCloser
}

func newZlibStreams(r *bufio.Reader) (io.Reader, error) {
	now, err := zlib.NewReader(r)
	return &zlibStreams{r, now}, err
}

func (z *zlibStreams) Read(p []byte) (int, error) {
	n, err := z.now.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if _, err := z.from.Peek(1); err != nil {
		return n, err
	}
	reset, ok := z.now.(zlib.Resetter)
	if !ok {
		return n, zlib.ErrHeader
	}
	return n, reset.Reset(z.from, nil)
}

// inflated is what is compressed in a file, up to a bound.
type inflated struct {
	file *file
	from io.Reader
	left int64
	err  error
}

func newInflated(f *file) (*inflated, error) {
	head, err := f.peek(0, headSize)
	if err != nil {
		return nil, err
	}
	in := &inflated{file: f, left: min(maxInflated, maxRatio*f.size+windowSize)}
	in.from, in.err = joblibCompression(head)(bufio.NewReader(f.section(0, f.size)))
	if in.err != nil {
		return nil, in.explain(in.err)
	}
	return in, nil
}

func (in *inflated) Read(p []byte) (int, error) {
	if in.left == 0 {
		in.err = tooComplex("has more than %d bytes when it is decompressed", min(maxInflated, maxRatio*in.file.size+windowSize))
		return 0, in.err
	}
	n, err := in.from.Read(p[:min(int64(len(p)), in.left)])
	in.left -= int64(n)
	if err != nil && in.err == nil {
		in.err = err
	}
	return n, err
}

// explain returns a refusal for an error of decompressing; refusals and errors of reading stay what they are.
func (in *inflated) explain(err error) error {
	refusal, refused := errors.AsType[*Refusal](err)
	switch {
	case in.file.fault != nil:
		return in.file.fault
	case refused && (refusal.Code == Malformed || refusal.Code == Truncated) && refusal.Format == "":
		return &Refusal{Code: refusal.Code, Detail: refusal.Detail + " (counted after decompressing)"}
	case refused:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Refusal{Code: Truncated, Detail: "is truncated: what is compressed in it ends too soon"}
	default:
		return &Refusal{Code: Malformed, Detail: fmt.Sprintf("is damaged: it cannot be decompressed (%v)", err)}
	}
}
