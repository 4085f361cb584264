package ref

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
)

// maxPath and maxSegment bound a path in bytes, so that every file system and object store can hold it below a directory of ours.
const (
	maxPath    = 512
	maxSegment = 255 // NAME_MAX of Linux
)

// Path is where a file lies within a version: relative, parts separated by single slashes, no "." or "..", no backslash, no control
// character and none that reorders or breaks a line of text.
type Path string

// ParsePath returns s as a path. It fails with Invalid unless s has the form that Path describes, 512 bytes at most, and parts of 255 bytes at most.
func ParsePath(s string) (Path, error) {
	if !fs.ValidPath(s) || s == "." || len(s) > maxPath || strings.ContainsFunc(s, unprintable) {
		return "", invalid("path", s, fmt.Sprintf(
			`is relative, at most %d bytes of UTF-8, with no "..", no backslash and no control character`, maxPath))
	}
	for part := range strings.SplitSeq(s, "/") {
		if len(part) > maxSegment {
			return "", invalid("path", s, fmt.Sprintf("has parts of at most %d bytes", maxSegment))
		}
	}
	return Path(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParsePath does.
func (p *Path) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePath(string(text))
	return err
}

// unprintable reports whether a path must not have the character: a backslash, or one that could forge lines of a terminal or a log, as controls, line
// separators and bidirectional overrides.
func unprintable(r rune) bool {
	return r == '\\' || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
