package cache_test

import (
	"bufio"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/podidentitytest"
)

// firstPassword returns what a connection to the listener is opened with: HELLO 3 AUTH <user> <password>, each with its length before it (RESP).
func firstPassword(t *testing.T, listener net.Listener) string {
	t.Helper()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.Contains(lines.Text(), "Action=connect") {
			return lines.Text()
		}
	}
	t.Fatal("nobody logged in")
	return ""
}

func TestARoleSignsItsPassword(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	configured(t, podidentitytest.New(t).Variables(map[string]string{
		"REDIS_URL": "redis://maas@" + listener.Addr().String(), "REDIS_IAM_CACHE": "maas", "REDIS_IAM_REGION": "eu-central-1",
	}), &truth{})

	password := firstPassword(t, listener)

	signed, err := url.Parse("http://" + password)
	if err != nil || signed.Host != "maas" || signed.Path != "/" {
		t.Fatalf("the password is %q, %v", password, err)
	}
	said := signed.Query()
	for name, want := range map[string]string{
		"Action": "connect", "User": "maas", "X-Amz-Expires": "900", "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Security-Token": "session of one",
	} {
		if said.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, said.Get(name), want)
		}
	}
	if scope := said.Get("X-Amz-Credential"); !strings.HasPrefix(scope, "id/") || !strings.HasSuffix(scope, "/eu-central-1/elasticache/aws4_request") {
		t.Errorf("it is signed for %q", scope)
	}
	if said.Get("X-Amz-Signature") == "" {
		t.Error("it is not signed")
	}
}

func TestAWrongConfigurationOfIAMNamesTheVariable(t *testing.T) {
	t.Parallel()
	role := podidentitytest.New(t).Variables(map[string]string{"REDIS_URL": "redis://maas@localhost", "REDIS_IAM_CACHE": "maas"})
	for named, vars := range map[string]map[string]string{
		"REDIS_IAM_REGION": role,
		"REDIS_IAM_CACHE":  {"REDIS_URL": "redis://maas@localhost", "REDIS_IAM_CACHE": "maas", "REDIS_IAM_REGION": "eu-central-1"},
	} {
		_, err := cache.Open(env.New("test", vars, slog.New(slog.DiscardHandler)))
		if err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("without %s: %v", named, err)
		}
	}
}
