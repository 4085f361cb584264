package objects

import (
	"errors"
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Damage says that the store does not hold what a version was published with: an object is missing, has another size, or its bytes hash to
// another digest. It is the cause of errors of the kind Unavailable: nobody who asks for the version has done anything wrong, and it works
// again as soon as an operator has mended the store. To try again at once is of no use.
type Damage struct { //nolint:errname // it is a fact about the store first
	What string // the path of the file, or "manifest"
	Why  string // "are missing in the object store"
	Err  error  // what the store said, or nil
}

// Error implements error.
func (d *Damage) Error() string {
	text := fmt.Sprintf("the store is damaged: %s: the bytes %s", d.What, d.Why)
	if d.Err != nil {
		text += ": " + d.Err.Error()
	}
	return text
}

// Unwrap returns the store's error, or nil.
func (d *Damage) Unwrap() error { return d.Err }

// AsDamage returns the Damage that caused err, or nil if none did.
func AsDamage(err error) *Damage {
	d, _ := errors.AsType[*Damage](err)
	return d
}

const theManifest = "manifest"

// damaged returns an Unavailable fault caused by a Damage. what is the file's path, or theManifest; why continues the phrase "the bytes of the
// file". The message is for users, and names no key of the store and no path of this machine.
func damaged(op, what, why string, cause error) error {
	subject := "the manifest"
	if what != theManifest {
		subject = fmt.Sprintf("the file %q", what)
	}
	return fault.New(fault.Unavailable,
		fmt.Sprintf("The object store is damaged: the bytes of %s %s. An operator must restore them; then try again.", subject, why),
		fault.Op(op), fault.Cause(&Damage{What: what, Why: why, Err: cause}))
}

// hashes returns the reason for damaged: which digest the bytes have, and which they should have.
func hashes(got, want ref.Digest) string {
	return fmt.Sprintf("hash to %s and should hash to %s", got, want)
}

// absent returns a damage for an error that says that a file's bytes are missing or fewer than size. It returns any other error as it is.
func absent(op string, err error, path ref.Path, size int64) error {
	switch {
	case fault.Is(err, fault.Invalid): // the range lies outside of the object
		return damaged(op, string(path), fmt.Sprintf("are fewer than the %d that were published", size), err)
	case fault.Is(err, fault.NotFound):
		return damaged(op, string(path), "are missing", err)
	default:
		return err
	}
}
