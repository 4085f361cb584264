package sessions

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokenServer is a server whose tokens are used once each, as MaaS's are. It answers GET /v1/users/me to the token that is good now.
type tokenServer struct {
	*httptest.Server

	mu      sync.Mutex
	good    string // access token
	refresh string
	trades  int
	lives   time.Duration // of access tokens, as the client is told
}

func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	s := &tokenServer{lives: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/auth/login", func(w http.ResponseWriter, _ *http.Request) { s.grant(w) })
	mux.HandleFunc("POST /v1/auth/refresh", s.trade)
	mux.HandleFunc("POST /v1/auth/logout", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/users/me", s.me)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) grant(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good, s.refresh = s.good+"a", s.refresh+"r"
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": s.good, "refresh_token": s.refresh, "expires_in": int(s.lives.Seconds()), "token_type": "Bearer",
	})
}

func (s *tokenServer) trade(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	s.mu.Lock()
	s.trades++
	good := in.Token == s.refresh
	s.mu.Unlock()
	if !good {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.grant(w)
}

func (s *tokenServer) me(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+s.good {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = w.Write([]byte(`{"tenant":"acme"}`))
}

// revoke makes the access token that is out there bad.
func (s *tokenServer) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good += "x"
}

func (s *tokenServer) traded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trades
}

// open returns a client of the server with the store of a folder.
func open(t *testing.T, server, folder string) *Client {
	t.Helper()
	c, err := New(Options{Server: server, Store: NewStore(folder), Retry: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func me(t *testing.T, c *Client) error {
	t.Helper()
	_, err := c.Me(t.Context())
	return err
}
