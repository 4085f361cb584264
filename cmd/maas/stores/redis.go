package stores

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/17882237881/MaaS/cmd/maas/child"
	"github.com/17882237881/MaaS/shared/settings"
)

// Redis is a Redis server, or what speaks its protocol.
type Redis struct {
	// URL is as go-redis's ParseURL takes it.
	URL string
}

// redisMemory is what a started server may hold; the keys used least recently go first. Nothing there must last.
const redisMemory = "256mb"

// redis connects to the Redis that g names. Otherwise it starts redis-server, or, if that is not on PATH, a smaller one in this process. Stop
// ends one that was started.
func (s *Stores) redis(ctx context.Context, folder *Folder, g given, public *network, o Options) (Redis, error) {
	if g.RedisURL != "" {
		if err := pingRedis(ctx, g.RedisURL, g.RedisCA); err != nil {
			return Redis{}, fmt.Errorf("REDIS_URL: %w", err)
		}
		return Redis{URL: g.RedisURL}, nil
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return s.redisInProcess(public, o.Log)
	}
	return s.redisServer(ctx, program, folder, public, o.Log)
}

// redisServer starts the program redis-server as a child and waits until it answers. It listens on a socket, or at the public address if there
// is one.
func (s *Stores) redisServer(ctx context.Context, program string, folder *Folder, public *network, log *slog.Logger) (Redis, error) {
	home, err := folder.Sub("redis")
	if err != nil {
		return Redis{}, err
	}
	run, err := folder.Sockets()
	if err != nil {
		return Redis{}, err
	}
	at := redisSocket(filepath.Join(run, "redis.sock"))
	if public != nil {
		at = redisPublic(public)
	}
	server, err := child.Supervise(ctx, child.Spec{
		Name: "redis",
		Log:  log,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program, append([]string{
				"-", "--dir", home,
				"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning",
				"--maxmemory", redisMemory, "--maxmemory-policy", "allkeys-lru",
			}, at.arguments...)...)
			cmd.Stdin = strings.NewReader(at.secret)
			return cmd, nil
		},
		Ready: func(ctx context.Context) error { return pingRedis(ctx, at.url, "") },
		Stop:  syscall.SIGKILL, // it has nothing to save
	})
	if err != nil {
		return Redis{}, err
	}
	s.onStop(server.Stop)
	return Redis{URL: at.url}, nil
}

// redisPlace is where a server listens.
type redisPlace struct {
	url       string
	arguments []string
	secret    string // configuration that is no argument: everyone on the machine can read those
}

// redisSocket returns a place on a Unix socket that only this user may connect to.
func redisSocket(path string) redisPlace {
	return redisPlace{
		url:       (&url.URL{Scheme: "unix", Path: path}).String(),
		arguments: []string{"--port", "0", "--unixsocket", path, "--unixsocketperm", "700"},
	}
}

// redisPublic returns a place at the public address, with a password.
func redisPublic(public *network) redisPlace {
	return redisPlace{
		url:       redisURL(public.address(RedisPort), public.passwords.Redis),
		arguments: []string{"--bind", public.host, "--port", strconv.Itoa(RedisPort)},
		secret:    "requirepass " + public.passwords.Redis + "\n",
	}
}

func redisURL(address, password string) string {
	return (&url.URL{Scheme: "redis", Host: address, User: url.UserPassword("", password)}).String()
}

// redisInProcess starts a Redis within this process, at the public address or a free port of loopback. It asks for a password, since any user
// of the machine may reach the port. Stop ends it.
func (s *Stores) redisInProcess(public *network, log *slog.Logger) (Redis, error) {
	address, password := "127.0.0.1:0", rand.Text()
	if public != nil {
		address, password = public.address(RedisPort), public.passwords.Redis
	}
	server := miniredis.NewMiniRedis()
	server.RequireAuth(password)
	server.ClockTTL(true)
	if err := server.StartAddr(address); err != nil {
		return Redis{}, fmt.Errorf("redis in process: %w", err)
	}
	s.onStop(func(context.Context) { server.Close() })
	log.Info("there is no redis-server on PATH: a smaller one runs in this process")
	return Redis{URL: redisURL(server.Addr(), password)}, nil
}

// pingRedis connects to a Redis once and fails if it does not answer. authority is the PEM of the certificates to trust, "" for the system's.
func pingRedis(ctx context.Context, address, authority string) error {
	options, err := redis.ParseURL(address)
	if err != nil {
		return fmt.Errorf("not the URL of a Redis: %w", err)
	}
	options.MaxRetries = -1
	options.DialTimeout = time.Second
	trusted, err := settings.New("stores", map[string]string{"REDIS_CA": authority}).Authority("REDIS_CA")
	if err != nil {
		return err
	}
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if options.TLSConfig == nil {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		if trusted != nil {
			options.TLSConfig.RootCAs = trusted.RootCAs
		}
		return (&tls.Dialer{Config: options.TLSConfig}).DialContext(ctx, network, addr)
	}
	client := redis.NewClient(options)
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}
