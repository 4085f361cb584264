package stores

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// The ports at the address of Options.Listen. They lie below those that Linux gives to connections, as freeAddress's do.
const (
	PostgresPort = 15432
	RedisPort    = 16379
	S3Port       = 19000
)

// network is how other machines reach the servers; nil is that they do not.
type network struct {
	host      string
	passwords passwords
}

// passwords are asked of those who come by TCP. The S3 server has credentials of its own, whoever comes.
type passwords struct {
	Owner string `json:"postgres_owner"`
	App   string `json:"postgres_app"`
	Redis string `json:"redis"`
}

// openNetwork returns how other machines reach the servers at the IP address host, with passwords that the first call creates (passwords.json,
// mode 0600). For host "" it returns nil. It fails with Invalid for what is no address of this machine, and with Conflict if another program
// listens at one of the ports for longer than dying.
func openNetwork(ctx context.Context, folder *Folder, host string) (*network, error) {
	if host == "" {
		return nil, nil //nolint:nilnil // no network, and no failure
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		return nil, fault.New(fault.Invalid, "The servers listen on one IP address of this machine, which "+host+" is not.", fault.Field("listen"))
	}
	path := filepath.Join(folder.Path, "passwords.json")
	text, err := ownfile.ReadOrCreate(path, func() ([]byte, error) {
		return json.Marshal(passwords{Owner: rand.Text(), App: rand.Text(), Redis: rand.Text()})
	})
	if err != nil {
		return nil, fmt.Errorf("passwords: %w", err)
	}
	n := &network{host: host}
	if err := json.Unmarshal(text, &n.passwords); err != nil || n.passwords.Owner == "" || n.passwords.App == "" || n.passwords.Redis == "" {
		return nil, fmt.Errorf("passwords: %s is damaged; remove it to have new ones made", path)
	}
	for _, port := range []int{PostgresPort, RedisPort, S3Port} {
		if err := n.free(ctx, port); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// dying is how long a server of a process that was killed may take to end.
const dying = 5 * time.Second

// free waits until nobody listens at the port, for dying at most. It then fails with Conflict; if this machine cannot listen there at all, it
// fails with Invalid.
func (n *network) free(ctx context.Context, port int) error {
	for end := time.Now().Add(dying); ; {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.address(port))
		switch {
		case err == nil:
			return listener.Close()
		case !errors.Is(err, syscall.EADDRINUSE):
			return fault.New(fault.Invalid, fmt.Sprintf("The servers cannot listen at %s.", n.address(port)), fault.Field("listen"), fault.Cause(err))
		case time.Now().After(end):
			return fault.New(fault.Conflict, fmt.Sprintf(
				"Another program listens at %s: end it, or the servers of another data folder, first.", n.address(port)), fault.Field("listen"))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(dying / 50):
		}
	}
}

func (n *network) address(port int) string { return net.JoinHostPort(n.host, strconv.Itoa(port)) }
