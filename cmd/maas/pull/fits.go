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

// fits fails for files that cannot lie in the folder together, before anything is written.
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

func side(one, other, why string) error {
	return fault.New(fault.Unprocessable, fmt.Sprintf("%s and %s %s.", one, other, why), fault.Field("DIR"))
}

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

// alike returns two files of which one has the name of the other, or lies below it, once their names are written by as.
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

// folded writes a name so that names that differ in case only are the same.
func folded(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// foldsCase reports whether the folder's file system takes names for the same that differ in case only.
func foldsCase(root *os.Root) (folds bool, err error) {
	name := reserved + "case-" + rand.Text()
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, written)
	if err != nil {
		return false, unwritable(err)
	}
	_, missing := root.Lstat(strings.ToUpper(name))
	return missing == nil, unwritable(errors.Join(file.Close(), root.Remove(name)))
}

func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "The folder cannot be written: "+err.Error(), fault.Field("DIR"), fault.Cause(err))
}

// local turns an error of this machine's file system about f into a fault that tells the user what to do. It returns
// nil for nil.
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
