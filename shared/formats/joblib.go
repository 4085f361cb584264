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

// The bounds of what a compressed file may hold: what a core decompresses in about a minute at the worst, 120 MB a second by deflate and 10 by bzip2.
// Deflate makes at most 1,032 bytes of one; bzip2 makes more of zeros alone.
const (
	maxInflated = 4 << 30
	maxBunzip   = 512 << 20
	maxRatio    = 2048
)

func (joblib) about() about {
	return about{format: Joblib, name: "a joblib file", endings: []string{".joblib", ".pkl", ".pickle"}, kind: Sklearn, code: true, pickled: true}
}

// recognises takes what is compressed, and begins like a pickle when it is not, for a file of joblib.
func (joblib) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	if by, _ := joblibCompression(head); err != nil || by == nil {
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

// joblibCompression returns what decompresses a file that begins so, and the most bytes that it may have then; nil if it is not compressed.
func joblibCompression(head []byte) (by func(*bufio.Reader) (io.Reader, error), most int64) {
	switch {
	case len(head) < 3:
		return nil, 0
	case isZlibHead(head):
		return newZlibStreams, maxInflated
	case head[0] == 0x1f && head[1] == 0x8b && head[2] == 8: // deflate (RFC 1952, 2.3.1)
		return func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }, maxInflated
	case string(head[:3]) == "BZh":
		return func(r *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }, maxBunzip
	default:
		return nil, 0
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
	most int64 // bytes
	left int64
	err  error
}

func newInflated(f *file) (*inflated, error) {
	head, err := f.peek(0, headSize)
	if err != nil {
		return nil, err
	}
	by, most := joblibCompression(head)
	most = min(most, maxRatio*f.size+windowSize)
	in := &inflated{file: f, most: most, left: most}
	in.from, in.err = by(bufio.NewReader(f.section(0, f.size)))
	if in.err != nil {
		return nil, in.explain(in.err)
	}
	return in, nil
}

func (in *inflated) Read(p []byte) (int, error) {
	if in.left == 0 {
		in.err = tooComplex("has more than %d bytes when it is decompressed: save it without compression", in.most)
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
