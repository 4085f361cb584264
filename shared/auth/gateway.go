package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
)

// GatewayCall is the permission of procedures that only the inference gateway may call. No role has it.
const GatewayCall api.Permission = "gateway:call"

const (
	gatewayScheme   = "MaaS-Gateway"
	gatewayFunction = "infer"
	// gatewayWindow bounds how long a signed call can be replayed, and how far two machines' clocks may differ.
	gatewayWindow = 60 * time.Second
)

// Gateway signs and checks the calls that infer makes to ModelService and IdentityService, naming the tenant for whom it asks:
//
//	Authorization: MaaS-Gateway <tenant id>/<tenant name>/<unix seconds>/<HMAC-SHA-256, base64url>
//
// The signature covers the procedure's path, the tenant and the time. It is safe for concurrent use.
type Gateway struct{ key []byte }

// OpenGateway returns a Gateway with a key derived from MAAS_SERVICE_KEY. It fails if the variable is unset or malformed.
func OpenGateway(e *env.Env) (*Gateway, error) {
	key, err := e.ServiceKey("gateway calls")
	return &Gateway{key}, err
}

// IsGateway reports whether the headers have a gateway's credential rather than a caller's. It does not verify it.
func IsGateway(h http.Header) bool {
	return strings.HasPrefix(h.Get("Authorization"), gatewayScheme+" ")
}

// Sign sets the credential for a call of the procedure ("/maas.v1.ModelService/Resolve") in the headers, for the tenant with the id and name. Both
// are zero if the answer is what tells the tenant (VerifyKey, Revocations). The credential is valid for a minute.
func (g *Gateway) Sign(h http.Header, procedure string, tenant uuid.UUID, name ref.Tenant) {
	g.sign(h, procedure, tenant, name, time.Now())
}

// sign is Sign at the time now.
func (g *Gateway) sign(h http.Header, procedure string, tenant uuid.UUID, name ref.Tenant, now time.Time) {
	claim := fmt.Sprintf("%s/%s/%d", tenant, name, now.Unix())
	h.Set("Authorization", gatewayScheme+" "+claim+"/"+base64.RawURLEncoding.EncodeToString(g.mac(procedure, claim)))
}

// chargedHeader is the header in which the gateway names the caller that its call is charged to. The signature does not cover it, since it affects only the
// order in which calls wait.
const chargedHeader = "Maas-Charged-To"

// Charge sets the header that names the holder to whom a gateway's call is charged. It does nothing for the zero Holder.
func Charge(h http.Header, holder share.Holder) {
	if holder != (share.Holder{}) {
		h.Set(chargedHeader, holder.Tenant+" "+holder.Credential) // neither has spaces
	}
}

// ChargedTo returns the holder that Charge put into the headers, or otherwise if there is none.
func ChargedTo(h http.Header, otherwise share.Holder) share.Holder {
	tenant, credential, said := strings.Cut(h.Get(chargedHeader), " ")
	if !said {
		return otherwise
	}
	return share.Holder{Tenant: tenant, Credential: credential}
}

// Verify returns the gateway as a principal in the tenant that its credential names. It fails with Unauthenticated for a credential that is
// malformed, forged, for another procedure, or more than a minute old.
func (g *Gateway) Verify(h http.Header, procedure string) (Principal, error) {
	credential, _ := strings.CutPrefix(h.Get("Authorization"), gatewayScheme+" ")
	parts := strings.Split(credential, "/")
	if len(parts) != 4 {
		return Principal{}, badGateway("has no four parts")
	}
	sum, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || !hmac.Equal(sum, g.mac(procedure, strings.Join(parts[:3], "/"))) {
		return Principal{}, badGateway("has a wrong signature")
	}
	tenant, err := uuid.Parse(parts[0])
	if err != nil {
		return Principal{}, badGateway("has no tenant id")
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age > gatewayWindow || age < -gatewayWindow {
		return Principal{}, badGateway("is out of its time")
	}
	return System(gatewayFunction, tenant, ref.Tenant(parts[1])), nil
}

// mac returns the signature of a claim for a procedure.
func (g *Gateway) mac(procedure, claim string) []byte {
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte(procedure + "\n" + claim))
	return mac.Sum(nil)
}

// badGateway returns the Unauthenticated fault of a forged or malformed credential. The reason is for the log only.
func badGateway(reason string) error {
	return fault.New(fault.Unauthenticated, "The gateway's credential is not valid.", fault.Cause(fmt.Errorf("auth: the credential %s", reason)))
}
