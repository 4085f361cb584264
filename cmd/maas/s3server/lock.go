package s3server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// waitForLock locks the file at path, which it creates if need be, until the returned file is closed. It waits for 10 seconds at most for
// another server to let go, and then fails.
func waitForLock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		held, err := ownfile.Lock(f)
		switch {
		case err != nil:
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		case held:
			return f, nil
		}
		if err := backoff.Sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, errors.Join(fmt.Errorf("another S3 server uses %s: %w", path, err), f.Close())
		}
	}
}
