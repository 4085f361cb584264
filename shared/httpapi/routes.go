package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
)

// Route is one line of the table that everything else is made from: the functions' routing and permissions, the gateway's HTTPRoutes, the
// check of the OpenAPI document, and the test of who may do what.
type Route struct {
	Pattern    string         // as http.ServeMux writes it: "GET /v1/models/{t}/{m}"
	Function   string         // the folder under functions/ that answers it
	Permission api.Permission // what the caller needs: api.Public, api.Self, auth.GatewayCall or one of the roles' permissions
	Faults     []fault.Kind   // the kinds of errors that are its own; Kinds has those of all routes like it, too
	Keyed      bool           // a POST whose Idempotency-Key counts: the same request again gets the first answer
	Status     int            // of success; 0 is the method's default: POST 201, DELETE 204, else 200
	Deadline   time.Duration  // for the whole exchange where it is not the default; the routes of Stream have none
	Gateway    bool           // the inference gateway may call it too, for the tenant it names
	Events     bool           // on the events' listener alone: never reachable from outside
	Quiet      bool           // logged at debug unless it fails on our side: it is called too often for a line each
}

// Success returns the status of a successful answer: Status, or if that is 0 the method's default (POST 201, DELETE 204, else 200).
func (r Route) Success() int {
	method, _, _ := strings.Cut(r.Pattern, " ")
	switch {
	case r.Status != 0:
		return r.Status
	case method == http.MethodPost:
		return http.StatusCreated
	case method == http.MethodDelete:
		return http.StatusNoContent
	default:
		return http.StatusOK
	}
}

// rollout is the deadline of what waits until a model has started, or a file is verified: a little less than Knative's longest request.
const rollout = 9 * time.Minute

// Routes returns the routes of all functions: identity's first, then the catalog's, uploads', inference's and usage's.
func Routes() []Route {
	var all []Route
	for _, part := range [][]Route{identityRoutes(), catalogRoutes(), transferRoutes(), inferenceRoutes(), accountingRoutes(), eventRoutes()} {
		all = append(all, part...)
	}
	return all
}

func identityRoutes() []Route {
	const service = "POST /maas.v1.IdentityService/"
	return []Route{
		{Pattern: "POST /v1/auth/register", Function: "register", Permission: api.Public, Keyed: true, Faults: kinds{fault.Conflict, fault.RateLimited}},
		{
			Pattern: "POST /v1/auth/login", Function: "login", Permission: api.Public, Status: http.StatusOK,
			Faults: kinds{fault.Unauthenticated, fault.NotFound, fault.RateLimited},
		},
		{Pattern: "POST /v1/auth/refresh", Function: "tokens", Permission: api.Public, Status: http.StatusOK, Faults: kinds{fault.Unauthenticated}},
		{Pattern: "POST /v1/auth/logout", Function: "tokens", Permission: api.Public, Status: http.StatusNoContent},
		{Pattern: "GET /.well-known/jwks.json", Function: "tokens", Permission: api.Public},
		{
			Pattern: "PUT /v1/auth/password", Function: "users", Permission: api.Self, Status: http.StatusNoContent,
			Faults: kinds{fault.Forbidden, fault.RateLimited},
		},
		{Pattern: "GET /v1/users/me", Function: "users", Permission: api.Self},
		{Pattern: "GET /v1/api-keys", Function: "api-keys", Permission: "key:read"},
		{Pattern: "POST /v1/api-keys", Function: "api-keys", Permission: "key:write", Keyed: true},
		{Pattern: "DELETE /v1/api-keys/{id}", Function: "api-keys", Permission: "key:write"},
		{Pattern: service + "VerifyKey", Function: "api-keys", Permission: auth.GatewayCall, Status: http.StatusOK, Gateway: true, Events: true, Quiet: true},
		{Pattern: service + "Revocations", Function: "api-keys", Permission: auth.GatewayCall, Status: http.StatusOK, Gateway: true, Events: true, Quiet: true},
	}
}

func catalogRoutes() []Route {
	const model, version, alias = "/v1/models/{t}/{m}", "/v1/models/{t}/{m}/versions/{v}", "/v1/models/{t}/{m}/aliases/{alias}"
	const service = "POST /maas.v1.ModelService/"
	return []Route{
		{Pattern: "POST /v1/models", Function: "models", Permission: "model:write", Keyed: true, Faults: kinds{fault.Conflict}},
		{Pattern: "GET /v1/models", Function: "models", Permission: "model:read"},
		{Pattern: "GET " + model, Function: "models", Permission: "model:read"},
		{Pattern: "PATCH " + model, Function: "models", Permission: "model:write", Faults: kinds{fault.PreconditionFailed}},
		{Pattern: "DELETE " + model, Function: "models", Permission: "model:delete", Faults: kinds{fault.Conflict, fault.PreconditionFailed}},
		{Pattern: "GET /v1/policy", Function: "models", Permission: "policy:read"},
		{Pattern: "PUT /v1/policy", Function: "models", Permission: "policy:write", Faults: kinds{fault.PreconditionFailed, fault.Unprocessable}},
		{Pattern: "GET /v1/cache/stats", Function: "models", Permission: "model:read"},
		{Pattern: "GET /openapi.json", Function: "models", Permission: api.Public},
		{Pattern: service + "CreateModel", Function: "models", Permission: "model:write", Status: http.StatusOK, Faults: kinds{fault.Conflict}},
		{Pattern: service + "GetModel", Function: "models", Permission: "model:read", Status: http.StatusOK, Gateway: true, Faults: kinds{fault.NotFound}},
		{Pattern: service + "ListModels", Function: "models", Permission: "model:read", Status: http.StatusOK},
		{
			Pattern: service + "UpdateModel", Function: "models", Permission: "model:write", Status: http.StatusOK,
			Faults: kinds{fault.NotFound, fault.PreconditionFailed},
		},
		{
			Pattern: service + "DeleteModel", Function: "models", Permission: "model:delete", Status: http.StatusOK,
			Faults: kinds{fault.NotFound, fault.Conflict, fault.PreconditionFailed},
		},
		{Pattern: service + "ListVersions", Function: "models", Permission: "version:read", Status: http.StatusOK, Faults: kinds{fault.NotFound}},
		{
			Pattern: service + "GetVersion", Function: "models", Permission: "version:read", Status: http.StatusOK, Gateway: true,
			Faults: kinds{fault.NotFound, fault.Gone, fault.Unprocessable},
		},
		{
			Pattern: service + "Resolve", Function: "models", Permission: auth.GatewayCall, Status: http.StatusOK, Gateway: true, Events: true, Quiet: true,
			Faults: kinds{fault.NotFound, fault.Gone, fault.Unprocessable},
		},
		{Pattern: "GET " + model + "/versions", Function: "versions", Permission: "version:read"},
		{Pattern: "GET " + model + "/versions/{ref}", Function: "versions", Permission: "version:read", Faults: kinds{fault.Gone}},
		{Pattern: "GET " + model + "/versions/{ref}/lineage", Function: "versions", Permission: "version:read"},
		{Pattern: "GET " + model + "/versions/{ref}/manifest", Function: "versions", Permission: "version:read", Faults: kinds{fault.Gone}},
		{
			Pattern: "GET " + model + "/versions/{ref}/files/{path...}", Function: "versions", Permission: "version:read",
			Faults: kinds{fault.Gone, fault.PreconditionFailed, fault.Unsatisfiable},
		},
		{Pattern: "GET " + model + "/compare/{range}", Function: "versions", Permission: "version:read"},
		{Pattern: "GET " + model + "/aliases", Function: "versions", Permission: "version:read"},
		{
			Pattern: "PUT " + alias, Function: "versions", Permission: "version:publish", Deadline: rollout,
			Faults: kinds{fault.Conflict, fault.PreconditionFailed, fault.Unavailable},
		},
		{Pattern: "GET " + alias + "/history", Function: "versions", Permission: "version:read"},
		{
			Pattern: "POST " + alias + "/rollback", Function: "versions", Permission: "version:publish", Status: http.StatusOK, Deadline: rollout, Keyed: true,
			Faults: kinds{fault.Conflict, fault.PreconditionFailed, fault.Unavailable},
		},
		{Pattern: "PATCH " + version, Function: "versions", Permission: "version:write", Faults: kinds{fault.Conflict, fault.PreconditionFailed}},
		{
			Pattern: "POST " + version + "/deprecate", Function: "versions", Permission: "version:publish", Status: http.StatusOK, Keyed: true,
			Faults: kinds{fault.Conflict, fault.Gone, fault.PreconditionFailed},
		},
		{
			Pattern: "POST " + version + "/retire", Function: "versions", Permission: "version:publish", Status: http.StatusOK, Keyed: true,
			Faults: kinds{fault.Conflict, fault.Gone, fault.PreconditionFailed},
		},
		{
			Pattern: "POST " + version + "/publish", Function: "publish-version", Permission: "version:publish", Status: http.StatusAccepted, Keyed: true,
			Faults: kinds{fault.Conflict},
		},
	}
}

func transferRoutes() []Route {
	const upload = "/v1/uploads/{id}"
	return []Route{
		{
			Pattern: "POST /v1/uploads", Function: "upload-init", Permission: "upload:write", Keyed: true,
			Faults: kinds{fault.QuotaExceeded, fault.NotFound, fault.Conflict},
		},
		{
			Pattern: "PUT " + upload + "/chunks/{n}", Function: "upload-chunk", Permission: "upload:write", Quiet: true,
			Faults: kinds{fault.Conflict, fault.Unprocessable, fault.Unavailable},
		},
		{Pattern: "GET /v1/uploads", Function: "upload-status", Permission: "upload:read"},
		{Pattern: "GET " + upload, Function: "upload-status", Permission: "upload:read"},
		{Pattern: "DELETE " + upload, Function: "upload-status", Permission: "upload:write", Faults: kinds{fault.Conflict, fault.PreconditionFailed}},
		{Pattern: "GET " + upload + "/events", Function: "upload-status", Permission: "upload:read", Faults: kinds{fault.RateLimited}},
		{Pattern: "GET /v1/events", Function: "upload-status", Permission: "upload:read", Faults: kinds{fault.RateLimited}},
		{
			Pattern: "POST " + upload + "/complete", Function: "complete", Permission: "upload:write", Status: http.StatusAccepted, Deadline: rollout, Keyed: true,
			Faults: kinds{fault.Conflict},
		},
	}
}

// reflectionTime bounds a stream of gRPC's reflection, which needs no credential.
const reflectionTime = time.Minute

func inferenceRoutes() []Route {
	const model, version = "/v2/models/{t}/{m}", "/v2/models/{t}/{m}/versions/{ref}"
	const service = "POST /inference.GRPCInferenceService/"
	routes := []Route{
		{Pattern: "GET /v2", Permission: api.Public},
		{Pattern: "GET /v2/health/live", Permission: api.Public},
		{Pattern: "GET /v2/health/ready", Permission: api.Public, Faults: kinds{fault.Unavailable}},
		{Pattern: service + "ServerLive", Permission: api.Public},
		{Pattern: service + "ServerReady", Permission: api.Public},
		{Pattern: service + "ServerMetadata", Permission: api.Public},
		{Pattern: "POST /grpc.health.v1.Health/Check", Permission: api.Public},
		{Pattern: "POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Permission: api.Public, Deadline: reflectionTime},
		{Pattern: "POST /grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Permission: api.Public, Deadline: reflectionTime},
	}
	for _, route := range []Route{ // what has no reference is of latest, which never leads to a retired version
		{Pattern: "POST " + model + "/infer", Faults: kinds{fault.Unprocessable, fault.RateLimited, fault.Unavailable}},
		{Pattern: "POST " + version + "/infer", Faults: kinds{fault.Gone, fault.RateLimited, fault.Unavailable}},
		{Pattern: "GET " + model},
		{Pattern: "GET " + version, Faults: kinds{fault.Gone}},
		{Pattern: "GET " + model + "/ready", Faults: kinds{fault.Unavailable}},
		{Pattern: "GET " + version + "/ready", Faults: kinds{fault.Gone, fault.Unavailable}},
		{
			Pattern: service + "ModelInfer",
			Faults:  kinds{fault.NotFound, fault.Gone, fault.TooLarge, fault.Unprocessable, fault.RateLimited, fault.Unavailable},
		},
		{Pattern: service + "ModelMetadata", Faults: kinds{fault.NotFound, fault.Gone, fault.Unprocessable}},
		{Pattern: service + "ModelReady", Faults: kinds{fault.NotFound, fault.Gone, fault.Unprocessable}},
	} {
		route.Permission = "inference:execute"
		routes = append(routes, route)
	}
	for i := range routes {
		routes[i].Function, routes[i].Status, routes[i].Quiet = "infer", http.StatusOK, true
		if routes[i].Deadline == 0 {
			routes[i].Deadline = time.Hour // X-Request-Timeout and the plan set the real one
		}
	}
	return routes
}

func accountingRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/usage", Function: "usage", Permission: "usage:read"},
		{Pattern: "GET /v1/models/{t}/{m}/stats", Function: "usage", Permission: "usage:read"},
	}
}

// eventRoutes returns the routes of the functions that events start. Their callers are known by the event's signature.
func eventRoutes() []Route {
	var routes []Route
	for _, function := range []string{"verify-upload", "deploy-version", "meter-usage", "sweep"} {
		routes = append(routes, Route{Pattern: "POST /", Function: function, Permission: api.Public, Status: http.StatusAccepted, Events: true})
	}
	return routes
}
