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

// waitForLock holds the folder for this process. A server whose parent was killed is going away: it may keep the lock for moments.
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
