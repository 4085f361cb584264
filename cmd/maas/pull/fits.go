package pull

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// fits fails with Unprocessable if the files cannot lie in the folder together: by a reserved name, one path at or below another, or paths
// that differ in case alone where the file system does not tell those apart. It leaves nothing in the folder.
func (p *Puller) fits(files []api.File) error {
	if err := reservedName(files); err != nil {
		return err
	}
	one, other, found := alike(files, strings.Clone)
	if found {
		return side(one, other, "of the version cannot both be files")
	}
	if one, other, found = alike(files, folded); !found {
		return nil
	}
	if folds, err := foldsCase(p.Folder); err != nil || !folds {
		return err
	}
	return side(one, other, "differ in upper and lower case only, which the file system of the folder does not tell apart: "+
		"pull one at a time with --file, or into a folder on another file system")
}

// side returns an Unprocessable error that says why two paths cannot be in the folder side by side.
func side(one, other, why string) error {
	return fault.New(fault.Unprocessable, fmt.Sprintf("%s and %s %s.", one, other, why), fault.Field("DIR"))
}

// reservedName fails with Unprocessable if a part of a file's path begins as the names of drafts do.
func reservedName(files []api.File) error {
	for _, f := range files {
		for part := range strings.SplitSeq(string(f.Path), "/") {
			if strings.HasPrefix(strings.ToLower(part), reserved) {
				return fault.New(fault.Unprocessable, fmt.Sprintf(
					"%s cannot be pulled into a folder: names that begin with %s are those of files that are not whole yet. Pull it with `-` instead.", f.Path, reserved))
			}
		}
	}
	return nil
}

// alike returns two paths of which one equals the other or lies below it, when both are written by as; found is false if there are none.
func alike(files []api.File, as func(string) string) (one, other string, found bool) {
	seen := map[string]string{}
	for _, f := range files {
		name := as(string(f.Path))
		if before, ok := seen[name]; ok {
			return before, string(f.Path), true
		}
		seen[name] = string(f.Path)
	}
	for _, f := range files {
		name := as(string(f.Path))
		for at, r := range name {
			if above, ok := seen[name[:at]]; ok && r == '/' {
				return above, string(f.Path), true
			}
		}
	}
	return "", "", false
}

// folded returns a name in which case makes no difference: names that differ in case alone give the same.
func folded(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// foldsCase reports whether the folder's file system takes names that differ in case alone for the same. It creates and removes a file to see
// that, and fails with Invalid if it cannot.
func foldsCase(root *os.Root) (folds bool, err error) {
	name := reserved + "case-" + rand.Text()
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, written)
	if err != nil {
		return false, unwritable(err)
	}
	_, missing := root.Lstat(strings.ToUpper(name))
	return missing == nil, unwritable(errors.Join(file.Close(), root.Remove(name)))
}

// unwritable returns an Invalid error that says that the folder cannot be written, and nil for nil.
func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "The folder cannot be written: "+err.Error(), fault.Field("DIR"), fault.Cause(err))
}

// local turns an error of this machine's file system about f into a fault that says what to do: Conflict if something else is in the way, and
// Invalid otherwise. It returns nil for nil.
func local(f api.File, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Invalid, fmt.Sprintf("The disk is full: %s has %d bytes. What has come is kept, in a file whose name begins with %s; "+
			"make room and run the command again.", f.Path, f.Size, reserved), fault.Field("DIR"), fault.Cause(err))
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EILSEQ), errors.Is(err, syscall.ENAMETOOLONG):
		return fault.New(fault.Invalid, fmt.Sprintf("The file system of the folder cannot hold a file named %s.", f.Path), fault.Field("DIR"), fault.Cause(err))
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fault.New(fault.Conflict, fmt.Sprintf("%s needs a folder where the folder has something else: move it away, or pull into another folder.", f.Path),
			fault.Field("DIR"), fault.Cause(err))
	default:
		return unwritable(err)
	}
}
