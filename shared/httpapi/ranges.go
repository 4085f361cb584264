package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

const (
	// maxRanges is how many ranges one request may name; with more the whole content is the answer, as RFC 9110, 14.2 and 17.15, allows: each
	// range is a read of the store.
	maxRanges = 16
	// nearRanges is the gap up to which two ranges are read and sent as one: what the header of a part takes (RFC 9110, 15.3.7.2).
	nearRanges = 128
)

// span is a range of bytes.
type span struct{ first, length int64 }

// end returns the position behind the last byte.
func (s span) end() int64 { return s.first + s.length }

// contentRange returns the value of Content-Range for the span of a content of size bytes (RFC 9110, 14.4).
func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.first, s.end()-1, size)
}

// rangesOf returns the ranges that the Range header asks for, with overlapping and neighbouring ones merged. It returns
// nil if the whole content is to be sent: there is no Range header in bytes, it has more than maxRanges ranges, the
// method is not GET, or If-Range does not match. It fails with Unsatisfiable if the header is malformed or no range
// lies within the content.
func rangesOf(r *http.Request, c Content) ([]span, error) {
	unit, set, ok := strings.Cut(r.Header.Get("Range"), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || r.Method != http.MethodGet || !matchesIfRange(r, c.Tag) ||
		strings.Count(set, ",") >= maxRanges {
		return nil, nil // RFC 9110, 14.2: other methods and units that are not known are ignored
	}
	var ranges []span
	named := 0
	for text := range strings.SplitSeq(set, ",") {
		if text = strings.Trim(text, " \t"); text == "" {
			continue
		}
		named++
		s, within, ok := parseRange(text, c.Size)
		if !ok {
			return nil, unsatisfiable("The Range header is malformed: a range is written bytes=FIRST-LAST, bytes=FIRST- or bytes=-LENGTH.")
		}
		if within {
			ranges = append(ranges, s)
		}
	}
	switch {
	case named == 0:
		return nil, unsatisfiable("The Range header names no range.")
	case len(ranges) == 0:
		return nil, unsatisfiable(fmt.Sprintf("No range lies within the content, which has %d bytes.", c.Size))
	default:
		return coalesce(ranges), nil
	}
}

// unsatisfiable returns an error of the kind Unsatisfiable about the Range header.
func unsatisfiable(message string) error {
	return fault.New(fault.Unsatisfiable, message, fault.Field("Range"))
}

// matchesIfRange reports whether the Range header applies: If-Range is absent or is tag, the content's entity tag without the quotes (RFC 9110,
// 13.1.5). A date in If-Range, a weak tag and a repeated header do not match.
func matchesIfRange(r *http.Request, tag string) bool {
	values := r.Header["If-Range"]
	return len(values) == 0 || len(values) == 1 && strings.TrimSpace(values[0]) == quoted(tag)
}

// parseRange parses "FIRST-LAST", "FIRST-" or "-LENGTH" (RFC 9110, 14.1.2) and cuts it to a content of size bytes. ok is false if the text is
// malformed, and within is false if the range lies outside the content.
func parseRange(text string, size int64) (s span, within, ok bool) {
	left, right, ok := strings.Cut(text, "-")
	if !ok || left == "" && right == "" {
		return s, false, false
	}
	if left == "" {
		length, ok := parsePosition(right)
		length = min(length, size)
		return span{size - length, length}, length > 0, ok
	}
	first, ok := parsePosition(left)
	last := int64(math.MaxInt64)
	if ok && right != "" {
		last, ok = parsePosition(right)
	}
	if !ok || last < first {
		return s, false, false
	}
	return span{first, min(last, size-1) - first + 1}, first < size, true
}

// parsePosition parses a decimal number; one too large for an int64 counts as the largest. It returns false for any other text.
func parsePosition(text string) (int64, bool) {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return n, true
}

// coalesce merges the ranges that overlap or are at most nearRanges bytes apart. The order in which they were asked for stays.
func coalesce(ranges []span) []span {
	var kept []span
	for _, s := range ranges {
		at := len(kept)
		for i := 0; i < len(kept); {
			k := kept[i]
			if s.first > k.end()+nearRanges || k.first > s.end()+nearRanges {
				i++
				continue
			}
			first := min(s.first, k.first)
			s = span{first, max(s.end(), k.end()) - first}
			kept = slices.Delete(kept, i, i+1)
			at, i = min(at, i), 0 // the union may be near to others
		}
		kept = slices.Insert(kept, min(at, len(kept)), s)
	}
	return kept
}
