package stores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"github.com/17882237881/MaaS/cmd/maas/child"
	"github.com/17882237881/MaaS/cmd/maas/s3server"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
)

// S3 is an object store with a bucket for MaaS.
type S3 struct {
	// Endpoint is its URL; requests name the bucket in the path.
	Endpoint string
	Region   string
	Bucket   string

	AccessKeyID     string
	SecretAccessKey string

	// Reader may only read objects of tenants. It is empty for a store that was running already, unless the environment names it.
	Reader s3server.Credentials

	authority string // whose certificates are trusted, in PEM; "" for the system's
}

// s3 connects to the object store that g names, or starts one, and creates the bucket if it is missing. Stop ends one that was started.
func (s *Stores) s3(ctx context.Context, folder *Folder, g given, public *network, o Options) (S3, error) {
	store := S3{
		authority: g.S3CA,
		Endpoint:  g.S3Endpoint, Region: g.S3Region, Bucket: g.S3Bucket,
		AccessKeyID: g.S3AccessKeyID, SecretAccessKey: g.S3SecretAccessKey,
		Reader: s3server.Credentials{AccessKeyID: g.S3ReaderID, SecretAccessKey: g.S3ReaderSecret},
	}
	if store.Endpoint == "" {
		if err := s.s3Server(ctx, folder, &store, public, o); err != nil {
			return S3{}, err
		}
	}
	if err := store.makeBucket(ctx); err != nil {
		return S3{}, fmt.Errorf("bucket %s at %s: %w", store.Bucket, store.Endpoint, err)
	}
	return store, nil
}

// s3Server starts the S3 server as a child, waits until it answers, and stores its address and credentials in store.
func (s *Stores) s3Server(ctx context.Context, folder *Folder, store *S3, public *network, o Options) error {
	home, err := folder.Sub("s3")
	if err != nil {
		return err
	}
	keys, err := s3server.LoadCredentials(home)
	if err != nil {
		return err
	}
	if store.Reader, err = s3server.LoadReader(home); err != nil {
		return err
	}
	address, err := s3Address(public)
	if err != nil {
		return err
	}
	command, err := serverCommand(o.Server)
	if err != nil {
		return err
	}
	command = append(command, s3server.Arguments(s3server.Config{Data: home, Listen: address, Region: store.Region, Fast: o.Fast})...)
	store.Endpoint = "http://" + address
	store.AccessKeyID, store.SecretAccessKey = keys.AccessKeyID, keys.SecretAccessKey
	server, err := child.Supervise(ctx, child.Spec{
		Name:    "s3",
		Log:     o.Log,
		Command: func() (*exec.Cmd, error) { return exec.Command(command[0], command[1:]...), nil },
		Ready:   func(ctx context.Context) error { return healthy(ctx, store.Endpoint+s3server.HealthPath) },
	})
	if err != nil {
		return err
	}
	s.onStop(server.Stop)
	return nil
}

// s3Address returns the address at which the S3 server is to listen: the public one, or a free port of loopback if public is nil.
func s3Address(public *network) (string, error) {
	if public != nil {
		return public.address(S3Port), nil
	}
	return freeAddress()
}

// serverCommand returns the command that runs the S3 server: given, or if that is empty this program with s3-server.
func serverCommand(given []string) ([]string, error) {
	if len(given) > 0 {
		return slices.Clone(given), nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	return []string{self, "s3-server"}, nil
}

// makeBucket creates the store's bucket if it is missing.
func (store S3) makeBucket(ctx context.Context) error {
	e := env.New("stores", map[string]string{
		"S3_ENDPOINT": store.Endpoint, "S3_REGION": store.Region, "S3_BUCKET": store.Bucket,
		"S3_ACCESS_KEY_ID": store.AccessKeyID, "S3_SECRET_ACCESS_KEY": store.SecretAccessKey,
		"S3_CA": store.authority,
	}, slog.New(slog.DiscardHandler))
	bucket, err := objects.Open(ctx, e)
	if err != nil {
		return err
	}
	return errors.Join(bucket.EnsureBucket(ctx), e.Close(ctx))
}

// healthy sends one GET to the address and fails unless it is answered with 200.
func healthy(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // nothing is read of it
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", answer.Status)
	}
	return nil
}

// freeAddress returns an address of loopback with a port on which nobody listens now. The port lies below those that Linux gives to
// connections (from 32768 on): one of those could be taken while a server is being restarted.
func freeAddress() (string, error) {
	const first, last, tries = 20_000, 32_000, 50
	var failed error
	for range tries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first))) //nolint:gosec // a port is no secret
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		failed = err
	}
	return "", fmt.Errorf("find a free port: %w", failed)
}
