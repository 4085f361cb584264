package stores

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// Redis is a Redis server, or what speaks its protocol.
type Redis struct {
	// URL is as go-redis's ParseURL takes it.
	URL string
}

// redisMemory is what a started server may hold; the keys used least recently go first. Nothing there must last.
const redisMemory = "256mb"

func (s *Stores) redis(ctx context.Context, folder *Folder, g given, o Options) (Redis, error) {
	if g.RedisURL != "" {
		if err := pingRedis(ctx, g.RedisURL); err != nil {
			return Redis{}, fmt.Errorf("REDIS_URL: %w", err)
		}
		return Redis{URL: g.RedisURL}, nil
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return s.redisInProcess(o.Log)
	}
	return s.redisServer(ctx, program, folder, o.Log)
}

func (s *Stores) redisServer(ctx context.Context, program string, folder *Folder, log *slog.Logger) (Redis, error) {
	home, err := folder.Sub("redis")
	if err != nil {
		return Redis{}, err
	}
	run, err := folder.sockets()
	if err != nil {
		return Redis{}, err
	}
	socket := filepath.Join(run, "redis.sock")
	address := (&url.URL{Scheme: "unix", Path: socket}).String()
	server, err := child.Supervise(ctx, child.Spec{
		Name: "redis",
		Log:  log,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program,
				"--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", home,
				"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning",
				"--maxmemory", redisMemory, "--maxmemory-policy", "allkeys-lru")
			return cmd, nil
		},
		Ready: func(ctx context.Context) error { return pingRedis(ctx, address) },
		Stop:  syscall.SIGKILL, // it has nothing to save
	})
	if err != nil {
		return Redis{}, err
	}
	s.onStop(server.Stop)
	return Redis{URL: address}, nil
}

// redisInProcess serves on a loopback port that any user of the machine may reach, hence the password.
func (s *Stores) redisInProcess(log *slog.Logger) (Redis, error) {
	server := miniredis.NewMiniRedis()
	password := rand.Text()
	server.RequireAuth(password)
	server.ClockTTL(true)
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return Redis{}, fmt.Errorf("redis in process: %w", err)
	}
	s.onStop(func(context.Context) { server.Close() })
	log.Info("there is no redis-server on PATH: a smaller one runs in this process")
	address := &url.URL{Scheme: "redis", Host: server.Addr(), User: url.UserPassword("", password)}
	return Redis{URL: address.String()}, nil
}

func pingRedis(ctx context.Context, address string) error {
	options, err := redis.ParseURL(address)
	if err != nil {
		return fmt.Errorf("not the URL of a Redis: %w", err)
	}
	options.MaxRetries = -1
	options.DialTimeout = time.Second
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	client := redis.NewClient(options)
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}
