package stores

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user that Postgres runs as: this process's, or another where that is root, whom Postgres refuses.
type account struct {
	other    bool
	uid, gid uint32
}

// nobody is the user without rights on most systems.
const nobody = 65534

// accountFor returns the user that Postgres runs as: this process's, unless that is root. For root it is the owner of the data, else the user
// postgres, else nobody.
func accountFor(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	info, err := os.Stat(data)
	if err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return account{other: true, uid: owner.Uid, gid: owner.Gid}, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return account{}, fmt.Errorf("postgres: %w", err)
	}
	known, err := user.Lookup("postgres")
	if _, none := errors.AsType[user.UnknownUserError](err); none {
		return account{other: true, uid: nobody, gid: nobody}, nil
	}
	if err != nil {
		return account{}, fmt.Errorf("user postgres: %w", err)
	}
	uid, uidErr := strconv.ParseUint(known.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(known.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return account{}, fmt.Errorf("user postgres: %w", err)
	}
	return account{other: true, uid: uint32(uid), gid: uint32(gid)}, nil
}

// own makes the account the owner of the file or folder. It does nothing if the account is this process's own.
func (a account) own(folder string) error {
	if !a.other {
		return nil
	}
	if err := os.Chown(folder, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to the user of postgres: %w", folder, err)
	}
	return nil
}
