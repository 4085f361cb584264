// Package stores gives one machine the three servers that MaaS keeps its state in: Postgres, Redis and an S3 server. Each is connected
// to where the environment names one, and started as a child process otherwise, with its data in the installation's folder:
//
//	DATABASE_URL  else Postgres 15 or newer of the system (PATH, /usr/lib/postgresql), else a download (embedded-postgres)
//	REDIS_URL     else redis-server on PATH, else one in this process (miniredis)
//	S3_ENDPOINT   else s3server, as a child process of this program's
//
// In the folder: lock, postgres/, s3/, redis/, run/ (sockets) and, with Options.Listen, passwords.json. Nothing in redis/ and run/ outlives
// a run.
package stores

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Options say how the servers are started.
type Options struct {
	// Log gets what the servers write, one record a line.
	Log *slog.Logger
	// Server is the command that serves S3: this program and the arguments that lead to ServeS3. The folder and the address are
	// added. Empty stands for this executable with "s3-server".
	Server []string
	// Listen is an IP address of this machine. With it, other machines and containers can reach the servers there, at ports that do not
	// change (PostgresPort, RedisPort, S3Port) and with passwords that are made once and kept in the folder. Without, only this
	// machine can, on sockets and loopback.
	Listen string
	// Fast leaves out every fsync: for tests, whose data must survive a kill but no power cut.
	Fast bool
	// Environment is read for the URLs and credentials of servers that run already, as "NAME=value"; os.Environ() mostly. A
	// NAME_FILE names a file that holds the value.
	Environment []string
}

// Stores are the three servers, connected or started.
type Stores struct {
	Postgres Postgres
	Redis    Redis
	S3       S3

	mu   sync.Mutex
	stop []func(context.Context)
}

// Start connects to or starts the three servers, all at once, and returns when all answer. If one fails, those that were started are stopped.
// ctx bounds the start alone.
func Start(ctx context.Context, folder *Folder, o Options) (*Stores, error) {
	given, err := readGiven(o.Environment)
	if err != nil {
		return nil, err
	}
	public, err := openNetwork(ctx, folder, o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Stores{}
	group, starting := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.Postgres, err = s.postgres(starting, folder, given, public, o)
		return err
	})
	group.Go(func() (err error) {
		s.Redis, err = s.redis(starting, folder, given, public, o)
		return err
	})
	group.Go(func() (err error) {
		s.S3, err = s.s3(starting, folder, given, public, o)
		return err
	})
	if err := group.Wait(); err != nil {
		s.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// Stop stops the servers that Start started, all at once, and returns when they are gone. Those that still run when ctx ends are killed.
// Servers that ran already are left alone.
func (s *Stores) Stop(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all sync.WaitGroup
	for _, stop := range s.stop {
		all.Go(func() { stop(ctx) })
	}
	all.Wait()
	s.stop = nil
}

// Environ returns the variables by which functions find the servers, as "NAME=value". Among them are MIGRATE_DATABASE_URL, for `maas migrate`
// alone, and the reader's credentials (S3_READER_*) if there are any.
func (s *Stores) Environ() []string {
	all := []string{
		"DATABASE_URL=" + s.Postgres.URL,
		"MIGRATE_DATABASE_URL=" + s.Postgres.MigrateURL,
		"REDIS_URL=" + s.Redis.URL,
		"S3_ENDPOINT=" + s.S3.Endpoint,
		"S3_REGION=" + s.S3.Region,
		"S3_BUCKET=" + s.S3.Bucket,
		"S3_ACCESS_KEY_ID=" + s.S3.AccessKeyID,
		"S3_SECRET_ACCESS_KEY=" + s.S3.SecretAccessKey,
	}
	if reader := s.S3.Reader; reader.AccessKeyID != "" {
		all = append(all, "S3_READER_ACCESS_KEY_ID="+reader.AccessKeyID, "S3_READER_SECRET_ACCESS_KEY="+reader.SecretAccessKey)
	}
	return all
}

// onStop adds a function that Stop calls.
func (s *Stores) onStop(stop func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = append(s.stop, stop)
}
