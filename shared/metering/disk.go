package metering

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// disk is a journal in a folder. Its files have a JSON text for each call, on a line: <pod>.open is the open batch, and
// <pod>.<first>.<last>.<id>.batch a closed one, so that the rename which closes a batch gives it the id that it will always have.
// A call is in the file when Count returns: what is killed afterwards is the process, not the record.
type disk struct {
	folder string
	pod    uuid.UUID
	lock   *os.File
	open   *os.File // nil for an empty batch
	size   int64    // of what is open: whole lines
	closed []batch
}

const (
	openEnd   = ".open"
	closedEnd = ".batch"
)

// openDisk returns the journal in a folder, which it creates if necessary and locks. It closes the batches that former processes left open. It
// fails if another process has the folder.
func openDisk(folder string, pod uuid.UUID) (*disk, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("MAAS_METER_DIR: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("MAAS_METER_DIR: %w", err)
	}
	held, err := ownfile.Lock(lock)
	if err == nil && !held {
		err = fmt.Errorf("another process has the journal %s", folder)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("MAAS_METER_DIR: %w", err), lock.Close())
	}
	d := &disk{folder: folder, pod: pod, lock: lock}
	if err := d.recover(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// recover reads the folder: it lists the closed batches, oldest first, and closes the open ones of former processes.
func (d *disk) recover() error {
	files, err := os.ReadDir(d.folder)
	if err != nil {
		return fmt.Errorf("MAAS_METER_DIR: %w", err)
	}
	for _, file := range files {
		if pod, ok := strings.CutSuffix(file.Name(), openEnd); ok {
			err = errors.Join(err, d.adopt(pod))
		} else if b, ok := parseBatch(file.Name()); ok {
			d.closed = append(d.closed, b)
		}
	}
	slices.SortFunc(d.closed, func(a, b batch) int { return strings.Compare(a.file(), b.file()) }) // pods' ids begin with their time
	return err
}

// adopt closes the open batch of a former process, whose pod's id is name. An empty batch is removed; a name that is no id is ignored.
func (d *disk) adopt(name string) error {
	pod, err := uuid.Parse(name)
	if err != nil {
		return nil //nolint:nilerr // not ours
	}
	path := filepath.Join(d.folder, name+openEnd)
	calls, err := readCalls(path)
	if err != nil {
		return err
	}
	if len(calls) == 0 {
		return os.Remove(path)
	}
	b := batch{id: uuid.Must(uuid.NewV7()), pod: pod, first: calls[0].Number, last: calls[len(calls)-1].Number}
	d.closed = append(d.closed, b)
	return os.Rename(path, filepath.Join(d.folder, b.file()))
}

// file returns the name of the batch's file once it is closed.
func (b batch) file() string {
	return fmt.Sprintf("%s.%012d.%012d.%s%s", b.pod, b.first, b.last, b.id, closedEnd)
}

// parseBatch returns the batch that a file's name describes. ok is false if the name is no closed batch's.
func parseBatch(name string) (b batch, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, closedEnd), ".")
	if !strings.HasSuffix(name, closedEnd) || len(parts) != 4 {
		return b, false
	}
	var err [2]error
	b.pod, err[0] = uuid.Parse(parts[0])
	b.id, err[1] = uuid.Parse(parts[3])
	n, scanned := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &b.first, &b.last)
	return b, n == 2 && errors.Join(err[0], err[1], scanned) == nil
}

// add implements journal. The call is in the file when it returns.
func (d *disk) add(call event.InferenceCall) error {
	line, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("metering: %w", err)
	}
	if d.open == nil {
		if err := d.begin(); err != nil {
			return fmt.Errorf("metering: %w", err)
		}
	}
	return d.write(append(line, '\n'))
}

// begin opens the file of the open batch, and creates it unless it is there because an earlier batch could not be closed.
func (d *disk) begin() error {
	file, err := os.OpenFile(d.openPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	about, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	d.open, d.size = file, about.Size()
	return nil
}

// write appends a line to the open batch. If only a part of it could be written, as on a full disk, it removes that and fails.
func (d *disk) write(line []byte) error {
	n, err := d.open.Write(line)
	if err == nil {
		d.size += int64(n)
		return nil
	}
	return errors.Join(err, d.open.Truncate(d.size))
}

// openPath returns the path of the open batch's file.
func (d *disk) openPath() string { return filepath.Join(d.folder, d.pod.String()+openEnd) }

// cut implements journal. It renames the open batch's file, and fails if there is none.
func (d *disk) cut(b batch) error {
	if d.open == nil {
		return errors.New("metering: no call of the batch could be written")
	}
	err := errors.Join(d.open.Close(), os.Rename(d.openPath(), filepath.Join(d.folder, b.file())))
	d.open = nil
	if err == nil {
		d.closed = append(d.closed, b)
	}
	return err
}

// oldest implements journal. It drops batches whose file is missing or empty. ok is false also if the file cannot be read at the moment.
func (d *disk) oldest() (b batch, calls []event.InferenceCall, ok bool) {
	for len(d.closed) > 0 {
		calls, err := readCalls(filepath.Join(d.folder, d.closed[0].file()))
		switch {
		case err == nil && len(calls) > 0:
			return d.closed[0], calls, true
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return b, nil, false // a process may have too many files open for a while: what is on disk waits
		}
		_ = d.drop() // it is not there any more, or holds nothing
	}
	return b, nil, false
}

// drop implements journal. It removes the batch's file.
func (d *disk) drop() error {
	path := filepath.Join(d.folder, d.closed[0].file())
	d.closed = d.closed[1:]
	return os.Remove(path)
}

// over implements journal. More than maxOnDisk closed batches are too many.
func (d *disk) over() bool { return len(d.closed) > maxOnDisk }

// close closes the journal's files. The open batch is left to the next process.
func (d *disk) close() error {
	if d.open != nil {
		return errors.Join(d.open.Close(), d.lock.Close())
	}
	return d.lock.Close()
}

// readCalls returns the calls in a batch's file. It skips lines that are not whole, because a process was killed or the disk was full.
func readCalls(path string) (calls []event.InferenceCall, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("metering: %w", err)
	}
	for line := range bytes.Lines(text) {
		var call event.InferenceCall
		if json.Unmarshal(line, &call) == nil {
			calls = append(calls, call)
		}
	}
	return calls, nil
}
