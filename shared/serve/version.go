package serve

import (
	"encoding/json"
	"net/http"
	"runtime/debug"

	"github.com/17882237881/MaaS/api"
)

// VersionOf tells what the process was built from.
func VersionOf(function string) api.ServerVersion {
	v := api.ServerVersion{Function: function}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Module, v.Version, v.Go = info.Main.Path, info.Main.Version, info.GoVersion
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

func writeVersion(w http.ResponseWriter, function string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(VersionOf(function)) //nolint:errchkjson // a client that is gone needs no answer
}
