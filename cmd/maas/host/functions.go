package host

import (
	"github.com/17882237881/MaaS/shared/serve"

	apikeys "github.com/17882237881/MaaS/functions/api-keys"
	complete "github.com/17882237881/MaaS/functions/complete"
	infer "github.com/17882237881/MaaS/functions/infer"
	login "github.com/17882237881/MaaS/functions/login"
	meterusage "github.com/17882237881/MaaS/functions/meter-usage"
	models "github.com/17882237881/MaaS/functions/models"
	publishversion "github.com/17882237881/MaaS/functions/publish-version"
	register "github.com/17882237881/MaaS/functions/register"
	sweep "github.com/17882237881/MaaS/functions/sweep"
	tokens "github.com/17882237881/MaaS/functions/tokens"
	uploadchunk "github.com/17882237881/MaaS/functions/upload-chunk"
	uploadinit "github.com/17882237881/MaaS/functions/upload-init"
	uploadstatus "github.com/17882237881/MaaS/functions/upload-status"
	usage "github.com/17882237881/MaaS/functions/usage"
	users "github.com/17882237881/MaaS/functions/users"
	verifyupload "github.com/17882237881/MaaS/functions/verify-upload"
	versions "github.com/17882237881/MaaS/functions/versions"
)

// Functions returns new functions by their names. deploy-version is not among them: on one machine the supervisor of the runtimes handles its
// events.
func Functions() map[string]*serve.Function {
	return map[string]*serve.Function{
		"api-keys":        apikeys.New(),
		"complete":        complete.New(),
		"infer":           infer.New(),
		"login":           login.New(),
		"meter-usage":     meterusage.New(),
		"models":          models.New(),
		"publish-version": publishversion.New(),
		"register":        register.New(),
		"sweep":           sweep.New(),
		"tokens":          tokens.New(),
		"upload-chunk":    uploadchunk.New(),
		"upload-init":     uploadinit.New(),
		"upload-status":   uploadstatus.New(),
		"usage":           usage.New(),
		"users":           users.New(),
		"verify-upload":   verifyupload.New(),
		"versions":        versions.New(),
	}
}
