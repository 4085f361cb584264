package sessions

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// Client calls a server as the user whose session is stored, or with a credential from the environment.
type Client struct {
	*maas.Client

	credentials *credentials
}

// Options say which server a client calls, and as whom.
type Options struct {
	Server string
	Token  string        // an access token (MAAS_TOKEN), which is not refreshed; "" for none
	APIKey string        // MAAS_API_KEY; "" for none
	Store  *Store        // what sign-in stored; nil for none
	Retry  time.Duration // as maas.WithRetry has it
	Notify func(error)   // as maas.WithRetry has it
}

// New returns a client. It fails with Invalid for a server's address that is malformed.
func New(o Options) (*Client, error) {
	credentials := &credentials{token: o.Token, key: o.APIKey, store: o.Store}
	client, err := maas.New(o.Server, maas.WithCredentials(credentials), maas.WithRetry(o.Retry, o.Notify))
	if err != nil {
		return nil, err
	}
	credentials.client = client
	return &Client{client, credentials}, nil
}

// credentials give a token or key from the environment, else the stored session's access token.
type credentials struct {
	client *maas.Client // refreshes tokens
	token  string
	key    string
	store  *Store

	mu      sync.Mutex
	session Session // as last read
}

// early is how long before its end an access token is refreshed, so that it does not expire on the way.
const early = 30 * time.Second

var errSignedOut = fault.New(fault.Unauthenticated, "You are not signed in. Run `maas login`, or set MAAS_TOKEN or MAAS_API_KEY.")

// Credential implements maas.Credentials. It returns the key or token of the environment, or else the stored access token, which it refreshes
// if that was refused or is about to expire. If the key or token of the environment was refused it returns "".
func (c *credentials) Credential(ctx context.Context, refused string) (string, error) {
	if fixed := cmp.Or(c.key, c.token); fixed != "" {
		if refused != "" {
			return "", nil
		}
		return fixed, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.AccessToken == "" {
		if err := c.read(); err != nil {
			return "", err
		}
	}
	if c.session.AccessToken != refused && time.Until(c.session.ExpiresAt) > early {
		return c.session.AccessToken, nil
	}
	err := c.refresh(ctx, c.session.AccessToken)
	return c.session.AccessToken, err
}

// read loads the session that is stored for the server. It fails with Unauthenticated if there is none.
func (c *credentials) read() error {
	if c.store == nil {
		return errSignedOut
	}
	all, err := c.store.Read()
	if err != nil {
		return err
	}
	session, ok := all.Servers[c.client.Server()]
	if !ok || session.AccessToken == "" || session.RefreshToken == "" {
		return errSignedOut
	}
	c.session = session
	return nil
}

// refresh replaces the access token old, in c and in the store. A refresh token is good once, so it holds the store's lock, and takes over the
// new tokens if another process has refreshed them. It fails with Unauthenticated if the session has ended.
func (c *credentials) refresh(ctx context.Context, old string) error {
	return c.store.Update(ctx, func(all *Sessions) error {
		session, ok := all.Servers[c.client.Server()]
		if !ok {
			return errSignedOut
		}
		if session.AccessToken == old {
			fresh, err := c.trade(ctx, session)
			if err != nil {
				return err
			}
			session = fresh
			all.Servers[c.client.Server()] = fresh
		}
		c.session = session
		return nil
	})
}

// trade exchanges the session's refresh token for new tokens at the server, and returns the session with them. It fails with Unauthenticated
// if the session has ended.
func (c *credentials) trade(ctx context.Context, session Session) (Session, error) {
	// Refresh is not retried here: the request that needs the token is, and other processes get the lock meanwhile.
	tokens, err := c.client.Refresh(ctx, api.RefreshRequest{RefreshToken: session.RefreshToken})
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, fault.New(fault.Unauthenticated, "Your session has ended. Run `maas login`.", fault.Cause(err))
	}
	if err != nil {
		return Session{}, err
	}
	return session.with(tokens), nil
}

// with returns the session with the tokens t, which count from now.
func (s Session) with(t api.Tokens) Session {
	s.AccessToken, s.RefreshToken = t.AccessToken, t.RefreshToken
	s.ExpiresAt = time.Now().Add(time.Duration(t.ExpiresIn) * time.Second)
	return s
}

// SignIn logs in and stores the session; the server becomes the current one. login is an email or a username; tenant may be "". It fails if
// there is no store; if only the storing fails, it returns the session with the error.
func (c *Client) SignIn(ctx context.Context, login, password, tenant string) (Session, error) {
	if c.credentials.store == nil {
		return Session{}, errors.New("there is nowhere to keep the session")
	}
	in := api.LoginRequest{Password: api.Password(password)}
	if strings.Contains(login, "@") {
		in.Email = new(api.Email(login))
	} else {
		in.Username = new(api.Username(login))
	}
	if tenant != "" {
		in.Tenant = new(ref.Tenant(tenant))
	}
	tokens, err := c.Login(ctx, in)
	if err != nil {
		return Session{}, err
	}
	session := Session{Login: login}.with(tokens)
	err = c.credentials.store.Update(ctx, func(all *Sessions) error {
		all.Current = c.Server()
		all.Servers[c.Server()] = session
		return nil
	})
	c.credentials.mu.Lock()
	defer c.credentials.mu.Unlock()
	c.credentials.session = session
	return session, err
}

// SignOut deletes the stored session, and then ends it at the server. It fails with Unauthenticated if there is none. If the server is not
// told, it returns that error, and the stored session is gone all the same.
func (c *Client) SignOut(ctx context.Context) error {
	if c.credentials.store == nil {
		return errSignedOut
	}
	var token string
	err := c.credentials.store.Update(ctx, func(all *Sessions) error {
		session, ok := all.Servers[c.Server()]
		if !ok {
			return errSignedOut
		}
		token = session.RefreshToken
		delete(all.Servers, c.Server())
		if all.Current == c.Server() {
			all.Current = ""
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.Logout(ctx, api.LogoutRequest{RefreshToken: token})
}
