package catalog

import (
	"fmt"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// released is the key of no pre-release: it sorts after every pre-release's, in the order of bytes.
const released = "~"

// precedence turns a pre-release ("rc.1", "" for a release) into a key whose byte order is its precedence (SemVer 2.0.0, 11):
// numeric identifiers below others and by their value, others by their ASCII text, fewer identifiers below more, a release above all.
//
// A numeric identifier becomes "0", its length in three digits, and its digits; another "1", its text and "!", which is below every character
// that an identifier can have.
func precedence(prerelease string) string {
	if prerelease == "" {
		return released
	}
	var key strings.Builder
	for identifier := range strings.SplitSeq(prerelease, ".") {
		if strings.Trim(identifier, "0123456789") == "" {
			fmt.Fprintf(&key, "0%03d%s", len(identifier), identifier)
		} else {
			fmt.Fprintf(&key, "1%s!", identifier)
		}
	}
	return key.String()
}

// place returns the three numbers of a version and the sort key of its pre-release (precedence), as its row has them. The version must not be zero.
func place(v ref.Version) (major, minor, patch int64, prerelease string) {
	//nolint:gosec // ref bounds the numbers to 31 bits
	return int64(v.Major()), int64(v.Minor()), int64(v.Patch()), precedence(v.Prerelease())
}
