package formats

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// signatures are the formats that say at a fixed place what they are.
var signatures = []struct {
	at     int
	magic  string
	format Format
	name   string
}{
	{0, "\x89HDF\r\n\x1a\n", HDF5, "an HDF5 file, as Keras and others write it"},
	{4, "ORTM", ORT, "ONNX Runtime's own format"},
	{0, "\x1f\x8b\x08", Compressed, "a file compressed with gzip"}, // with deflate, the one method that there is (RFC 1952, 2.3.1)
	{0, "\x28\xb5\x2f\xfd", Compressed, "a file compressed with Zstandard"},
	{0, "\xfd7zXZ\x00", Compressed, "a file compressed with xz"},
	{0, "\x04\x22\x4d\x18", Compressed, "a file compressed with LZ4"},
	{4, "1AY&SY", Compressed, "a file compressed with bzip2"}, // its first block, after BZh and a digit
	{257, "ustar", Tar, "a tar archive"},
	{0, "\x7fELF", Executable, "an executable program"},
	{0, "MZ\x90\x00", Executable, "an executable program"},
}

// foreignOf returns the refusal of a file of a format that is not accepted, or nil.
func foreignOf(head []byte, promised []Format) *Refusal {
	refuse := func(f Format, name, advice string) *Refusal {
		detail := "this is " + name
		if len(promised) > 0 {
			detail += ", not " + Names(promised)
		} else {
			detail += ", which is not accepted"
		}
		return &Refusal{UnsupportedFormat, f, detail + advice}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return refuse(Zip, "a zip archive", ": unpack it and upload the model in it")
	case isTar(head):
		return refuse(Tar, "a tar archive", "")
	case isZlib(head):
		return refuse(Compressed, "a file compressed with zlib", "")
	case isLZMA(head):
		return refuse(Compressed, "a file compressed with lzma", adviceFor(Compressed, promised))
	}
	for _, s := range signatures {
		if len(head) >= s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) {
			return refuse(s.format, s.name, adviceFor(s.format, promised))
		}
	}
	return nil
}

// adviceFor says what to do about a file of a format that is not accepted, where there is something to do.
func adviceFor(f Format, promised []Format) string {
	if f == Compressed && slices.Contains(promised, Joblib) {
		return `: save it by joblib.dump(..., compress=("zlib", 3)), or with gzip or bz2`
	}
	return ""
}

// textPickle is how a pickle of protocol 0 begins that calls something: GLOBAL, a module and a name, then MARK or PUT.
var textPickle = regexp.MustCompile(`^\(?c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n(\(|p\d+\n)`)

// isPickle reports whether the head is that of a pickle: of the protocols 2 to 5, or of protocol 0 if it calls something.
func isPickle(head []byte) bool { return isProtocolled(head) || textPickle.Match(head) }

// isZlib reports whether the head is compressed with zlib (RFC 1950, 2.2): it has the header, and inflates without an error or to a pickle. The
// header alone does not count, since files of numbers may begin with its two bytes.
func isZlib(head []byte) bool {
	if !isZlibHead(head) {
		return false
	}
	inflater, err := zlib.NewReader(bytes.NewReader(head))
	if err != nil {
		return false
	}
	content := make([]byte, headSize)
	n, err := io.ReadFull(inflater, content)
	return err == nil || errors.Is(err, io.ErrUnexpectedEOF) || isPickle(content[:n])
}

// isLZMA reports whether the head is that of a file compressed with lzma: the two bytes that joblib looks for (joblib/compressor.py), then a size of
// a dictionary and one of the content as liblzma takes them, the size 2^n or 2^n + 2^(n-1) (xz's alone_decoder.c, alone_decode).
func isLZMA(head []byte) bool {
	const fixed, unknown, most = 13, math.MaxUint64, 1 << 38
	if len(head) < 5 || head[0] != 0x5d || head[1] != 0 {
		return false
	}
	dictionary := binary.LittleEndian.Uint32(head[1:])
	high := uint32(1) << 31 >> bits.LeadingZeros32(dictionary) // its highest bit
	if rest := dictionary &^ high; rest != 0 && rest != high>>1 {
		return false
	}
	if len(head) < fixed {
		return true
	}
	size := binary.LittleEndian.Uint64(head[5:])
	return size == unknown || size < most
}

func isZlibHead(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x78 && strings.ContainsRune("\x01\x5e\u009c\u00da", rune(head[1]))
}

// isText reports whether the head is UTF-8 text, without control characters other than those of lines and terminals. Its end may cut a character.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head)
		}
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\f\v\x1b", r) {
			return false
		}
		head = head[n:]
	}
	return true
}
