package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// Session is what signing in to a server gave.
type Session struct {
	Login        string    `json:"login"` // the email or username that it was begun with
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	ExpiresAt    time.Time `json:"expires_at"` // of the access token
}

// Sessions are those of all servers.
type Sessions struct {
	Current string             `json:"current"` // the server signed in to last
	Servers map[string]Session `json:"servers"`
}

// Store keeps sessions in a file of the user's configuration folder (mode 0600). Several processes may use it at once.
type Store struct {
	// Notice is told, in a sentence, that a damaged file was set aside; nil for nobody.
	Notice func(sentence string)

	folder string
}

// ErrDamaged is the cause of the error that says that the stored sessions cannot be read. Update goes on without them.
var ErrDamaged = errors.New("sessions: the stored sessions are damaged")

// OpenStore returns the store of the folder that MAAS_CONFIG_DIR names, else $XDG_CONFIG_HOME/maas, else ~/.config/maas. It fails if none of
// the variables and no HOME is set.
func OpenStore(getenv func(string) string) (*Store, error) {
	if folder := getenv("MAAS_CONFIG_DIR"); folder != "" {
		return NewStore(folder), nil
	}
	if base := getenv("XDG_CONFIG_HOME"); base != "" {
		return NewStore(filepath.Join(base, "maas")), nil
	}
	home := getenv("HOME")
	if home == "" {
		return nil, errors.New("neither MAAS_CONFIG_DIR nor HOME is set: there is nowhere to keep the session")
	}
	return NewStore(filepath.Join(home, ".config", "maas")), nil
}

// NewStore returns the store of a folder, which is created when something is first stored.
func NewStore(folder string) *Store { return &Store{folder: folder} }

func (s *Store) file() string { return filepath.Join(s.folder, "credentials.json") }

// Folder returns where the store keeps its files.
func (s *Store) Folder() string { return s.folder }

// Read returns the stored sessions, whose Servers is not nil; a missing file means none. If the file is damaged it fails with Unauthenticated, whose
// cause is ErrDamaged. It also fails if the file cannot be read, is a link or another user's, or others may write to it.
func (s *Store) Read() (Sessions, error) {
	all := Sessions{Servers: map[string]Session{}}
	text, err := ownfile.Read(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, fmt.Errorf("stored session: %w", err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return Sessions{}, fault.New(fault.Unauthenticated, fmt.Sprintf(
			"The stored sessions in %s are damaged. Run `maas login`: it sets the file aside.", s.file()), fault.Cause(errors.Join(ErrDamaged, err)))
	}
	if all.Servers == nil {
		all.Servers = map[string]Session{}
	}
	return all, nil
}

// Update lets change edit the sessions and writes them back, while it has the store's lock. If change fails, it returns that error and writes
// nothing. A damaged file is renamed first, which Notice is told, and change gets no sessions. It fails with ctx's error if ctx ends while it waits for
// the lock, and if the file cannot be read, trusted or written.
func (s *Store) Update(ctx context.Context, change func(*Sessions) error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := s.Read()
	if errors.Is(err, ErrDamaged) {
		all, err = Sessions{Servers: map[string]Session{}}, s.setAside()
	}
	if err != nil {
		return err
	}
	if err := change(&all); err != nil {
		return err
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("stored session: %w", err)
	}
	if err := ownfile.Write(s.file(), text); err != nil {
		return fmt.Errorf("stored session: %w", err)
	}
	return nil
}

// setAside renames a damaged file, and tells Notice. The caller has the lock.
func (s *Store) setAside() error {
	aside := s.file() + time.Now().UTC().Format(".damaged-20060102T150405.000000")
	if err := os.Rename(s.file(), aside); err != nil {
		return fmt.Errorf("stored session: %w", err)
	}
	if s.Notice != nil {
		s.Notice(fmt.Sprintf("The stored sessions in %s were damaged: the file is %s now, and you are signed out of all servers.", s.file(), aside))
	}
	return nil
}

// lockRetry is the pause between tries to lock the store.
const lockRetry = 20 * time.Millisecond

// lock locks the store against other processes until unlock is called, and creates its folder if need be. It waits for the lock until ctx
// ends, and then fails with ctx's error.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, fmt.Errorf("configuration folder: %w", err)
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return nil, fmt.Errorf("configuration folder: %w", err)
	}
	file, err := ownfile.Open(root, "lock", 0o600)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("configuration folder: %w", err)
	}
	for {
		held, err := ownfile.Lock(file)
		switch {
		case err != nil:
			return nil, errors.Join(fmt.Errorf("configuration folder: %w", err), file.Close())
		case held:
			return func() { _ = file.Close() }, nil // which unlocks it
		}
		if err := backoff.Sleep(ctx, lockRetry); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
}
