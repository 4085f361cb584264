package formats

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
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
	{0, "GGUF", GGUF, "a GGUF file"},
	{0, "\x89HDF\r\n\x1a\n", HDF5, "an HDF5 file, as Keras and others write it"},
	{4, "ORTM", ORT, "ONNX Runtime's own format"},
	{4, "TFL3", TFLite, "a TensorFlow Lite model"},
	{0, "\x93NUMPY", NumPy, "a NumPy array"},
	{0, "\x1f\x8b\x08", Compressed, "a file compressed with gzip"}, // with deflate, the one method that there is (RFC 1952, 2.3.1)
	{0, "\x28\xb5\x2f\xfd", Compressed, "a file compressed with Zstandard"},
	{0, "\xfd7zXZ\x00", Compressed, "a file compressed with xz"},
	{4, "1AY&SY", Compressed, "a file compressed with bzip2"}, // its first block, after BZh and a digit
	{257, "ustar", Tar, "a tar archive"},
	{0, "\x7fELF", Executable, "an executable program"},
	{0, "MZ\x90\x00", Executable, "an executable program"},
}

// signatureOf returns the refusal of a file whose head is that of another format than ONNX, or nil if it is of none that is known.
func signatureOf(head []byte, size int64) *Refusal {
	switch {
	case isPickle(head):
		return &Refusal{RunsCode, Pickle, "this is a Python pickle, not ONNX: loading it can run code"}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && holdsPickle(head):
		return &Refusal{RunsCode, Pickle, "this is a PyTorch file with a Python pickle in it, not ONNX: loading it can run code"}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return &Refusal{UnsupportedFormat, Zip, "this is a zip archive, not ONNX: unpack it and upload the model in it"}
	case isZlib(head):
		return &Refusal{UnsupportedFormat, Compressed, "this is a file compressed with zlib, not ONNX"}
	case isSafetensors(head, size):
		return &Refusal{UnsupportedFormat, Safetensors, "this is a safetensors file, not ONNX"}
	}
	for _, s := range signatures {
		if len(head) >= s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) {
			return &Refusal{UnsupportedFormat, s.format, "this is " + s.name + ", not ONNX"}
		}
	}
	return nil
}

// textPickle is how a pickle of protocol 0 begins that calls something: GLOBAL, a module and a name, then MARK or PUT.
var textPickle = regexp.MustCompile(`^\(?c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n(\(|p\d+\n)`)

// isPickle reports whether the head is that of a pickle: of the protocols 2 to 5, or of protocol 0 if it calls something.
func isPickle(head []byte) bool { return isProtocolled(head) || textPickle.Match(head) }

// isZlib reports whether the head is compressed with zlib (RFC 1950, 2.2): it has the header, and inflates without an error or to a pickle. The
// header alone does not count, since files of numbers may begin with its two bytes.
func isZlib(head []byte) bool {
	if len(head) < 2 || head[0] != 0x78 || !strings.ContainsRune("\x01\x5e\u009c\u00da", rune(head[1])) {
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

// holdsPickle reports whether one of the names in the head of a zip ends in .pkl. PyTorch writes <archive>/data.pkl first.
func holdsPickle(head []byte) bool {
	const name, header = 26, 30 // of a local file header (APPNOTE.TXT, 4.3.7)
	for at := 0; ; at++ {
		next := bytes.Index(head[at:], []byte("PK\x03\x04"))
		if next < 0 || at+next+header > len(head) {
			return false
		}
		at += next
		length := int(binary.LittleEndian.Uint16(head[at+name:]))
		if bytes.HasSuffix(head[at+header:min(at+header+length, len(head))], []byte(".pkl")) {
			return true
		}
	}
}

// isSafetensors reports whether the head is that of a safetensors file of size bytes: a possible length of eight bytes, and then the beginning of a
// JSON object.
func isSafetensors(head []byte, size int64) bool {
	const length = 8
	if len(head) <= length+1 || head[length] != '{' || !strings.ContainsRune("\"} \t\r\n", rune(head[length+1])) {
		return false // numbers may begin so
	}
	header := signed(binary.LittleEndian.Uint64(head))
	return header >= 2 && header <= size-length
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
