package s3server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
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
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another S3 server uses %s: %w", path, err), f.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
