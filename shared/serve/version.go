package serve

import (
	"encoding/json"
	"net/http"
	"runtime/debug"

	"github.com/17882237881/MaaS/api"
)

// VersionOf returns what this process was built from, under the function's name. Parts that the build does not tell are empty.
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

// writeVersion answers with VersionOf as JSON.
func writeVersion(w http.ResponseWriter, function string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(VersionOf(function)) //nolint:errchkjson // a client that is gone needs no answer
}
