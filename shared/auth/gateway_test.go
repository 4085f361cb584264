package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

const resolve = "/maas.v1.ModelService/Resolve"

func TestTheGatewayIsWhoItSignsFor(t *testing.T) {
	t.Parallel()
	g, h, tenant := &Gateway{[]byte("key")}, http.Header{}, uuid.New()
	g.Sign(h, resolve, tenant, "acme")
	who, err := g.Verify(h, resolve)
	if err != nil || who.Tenant != tenant || who.TenantName != "acme" || who.Actor() != "function:infer" {
		t.Errorf("Verify gives %+v, %v", who, err)
	}
}

func TestAGatewaysCredentialCannotBeForgedReplayedOrMoved(t *testing.T) {
	t.Parallel()
	g, tenant, now := &Gateway{[]byte("key")}, uuid.New(), time.Now()
	signed := func(by *Gateway, procedure string, at time.Time) string {
		h := http.Header{}
		by.sign(h, procedure, tenant, "acme", at)
		return h.Get("Authorization")
	}
	good := signed(g, resolve, now)
	for name, credential := range map[string]string{
		"none": "", "noise": "MaaS-Gateway x", "another key": signed(&Gateway{[]byte("other")}, resolve, now),
		"another procedure": signed(g, "/maas.v1.ModelService/DeleteModel", now), "another tenant": strings.Replace(good, "acme", "evil", 1),
		"too old": signed(g, resolve, now.Add(-2*gatewayWindow)), "too early": signed(g, resolve, now.Add(2*gatewayWindow)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := g.Verify(http.Header{"Authorization": {credential}}, resolve)
			faulttest.AssertKind(t, err, fault.Unauthenticated)
		})
	}
}

func FuzzGatewayVerify(f *testing.F) {
	g, h := &Gateway{[]byte("key")}, http.Header{}
	f.Add("")
	f.Add("MaaS-Gateway a/b/1/c")
	f.Add("MaaS-Gateway 00000000-0000-0000-0000-000000000000//0/")
	g.Sign(h, resolve, uuid.Nil, "")
	good := h.Get("Authorization")
	f.Fuzz(func(t *testing.T, credential string) {
		if _, err := g.Verify(http.Header{"Authorization": {credential}}, resolve); err == nil && credential != good {
			t.Fatalf("%q is taken", credential)
		}
	})
}
