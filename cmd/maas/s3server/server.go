package s3server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// HealthPath answers 200 to anyone once the server is ready.
const HealthPath = "/-/healthy"

// Config says where the server keeps and serves objects.
type Config struct {
	// Data is the folder, absolute: objects/, metadata/ and, without Credentials, credentials.json and reader.json in it.
	Data string
	// Credentials is a folder with the accounts that may do everything, as ReadCredentials has it.
	Credentials string
	// Readers is such a folder with the accounts that may only read objects of tenants. It counts beside Credentials alone; empty stands for none.
	Readers string
	// Bucket is made where it is not there. Empty stands for none.
	Bucket string
	// Listen is the address, host:port.
	Listen string
	// Region is what clients sign for.
	Region string
	// Fast leaves out every fsync: for tests, whose data need not survive a power cut.
	Fast bool
}

// Run serves until ctx ends. It waits for 10 seconds at most for another server on the same folder to end, and then fails. It repairs what a
// crash left, and creates the bucket if need be.
func Run(ctx context.Context, cfg Config) error {
	owners, readers, err := cfg.credentials()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	lock, err := waitForLock(ctx, filepath.Join(cfg.Data, "lock"))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // nothing is written to it

	if err := checkDistinct(slices.Concat(owners, readers)); err != nil {
		return err
	}
	s, err := open(cfg, readers)
	if err != nil {
		return err
	}
	if err := s.ensureBucket(ctx, cfg.Bucket, owners[0]); err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, s, &embedgw.Config{
		RootUserAccess: owners[0].AccessKeyID,
		RootUserSecret: owners[0].SecretAccessKey,
		IAMService:     newAccounts(owners, readers),
		Region:         cfg.Region,
		Ports:          []string{cfg.Listen},
		MaxConnections: 1024,
		MaxRequests:    256,
		// S3's own limit.
		MultipartMaxParts: 10_000,
		HealthPath:        HealthPath,
		KeepAlive:         true,
		Quiet:             true,
	})
}

// open returns the store on the data folder, and repairs what a crash left there. It changes the working directory to the folder's objects/.
// No other server may run on the folder.
func open(cfg Config, readers []Credentials) (*store, error) {
	place := newTrees(cfg.Data)
	for _, folder := range []string{place.objects, place.metadata} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	if err := place.recover(); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(place.metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata folder: %w", err)
	}
	disk := disk{fast: cfg.Fast}
	files, err := posix.New(place.objects, metadata{SideCar: sidecar, place: place, disk: disk}, posix.PosixOpts{
		IOBufferSize:       256 << 10, // per request
		ForceNoObjLockFile: true,      // there is one gateway: the lock in Run says so
	})
	if err != nil {
		return nil, fmt.Errorf("object folder: %w", err)
	}
	return &store{Posix: files, place: place, disk: disk, readers: readers}, nil
}
