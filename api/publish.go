package api

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// AliasNames are the aliases to move to a version once it is ready: up to 10, none that follow by themselves.
type AliasNames []ref.Alias

const maxAliasNames = 10

// UnmarshalJSON reads an array of aliases, each once, sorted. It fails with Invalid if one is malformed or there are more than 10, and with Unprocessable
// for one that cannot be set (CheckSettable).
func (a *AliasNames) UnmarshalJSON(text []byte) error {
	var names []ref.Alias
	if err := json.Unmarshal(text, &names); err != nil {
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Unprocessable) {
			return err // an alias says what is wrong with it
		}
		return fault.InvalidField("aliases", "must be an array of strings")
	}
	slices.Sort(names)
	names = slices.Compact(names)
	*a = names
	if len(names) > maxAliasNames {
		return fault.InvalidField("aliases", "has more than %d aliases", maxAliasNames)
	}
	for _, name := range names {
		if err := name.CheckSettable(); err != nil {
			return err
		}
	}
	return nil
}

// PublishRequest says how a draft is to be published.
type PublishRequest struct {
	Model         ref.Model   `path:"t/m"`
	Version       ref.Version `path:"v"`
	Changelog     *Changelog  `json:"changelog"`               // nil keeps the draft's
	Aliases       AliasNames  `json:"aliases,omitempty"`       // to move to it once it is ready, besides those that follow by themselves
	Runtime       string      `json:"runtime,omitempty"`       // "" is the format's own
	Resources     Resources   `json:"resources,omitzero"`      // of each replica
	MinReplicas   Replicas    `json:"min_replicas,omitempty"`  // default 0: nothing runs while nobody calls
	MaxReplicas   *Replicas   `json:"max_replicas"`            // default 3, or min_replicas if that is more
	Deterministic bool        `json:"deterministic,omitempty"` // the same input gives the same output, so that results may be cached
}

// Name returns the version's name: "acme/fraud@1.4.0".
func (in PublishRequest) Name() string { return fmt.Sprintf("%s@%s", in.Model, in.Version) }

// Differs reports whether the request gives a setting, besides the aliases, that is not what the version was published with. Zero settings are not given.
func (in PublishRequest) Differs(v *Version) bool {
	return in.Changelog != nil && *in.Changelog != v.Changelog ||
		in.Runtime != "" && in.Runtime != v.Runtime ||
		in.Resources != (Resources{}) && in.Resources != v.Resources ||
		in.MinReplicas != 0 && int(in.MinReplicas) != v.MinReplicas ||
		in.MaxReplicas != nil && int(*in.MaxReplicas) != v.MaxReplicas ||
		in.Deterministic && !v.Deterministic
}

// Scale returns the bounds of the replicas, with the defaults: 0 to 3, or to MinReplicas if that is more.
func (in PublishRequest) Scale() Scale {
	most := max(defaultReplicas, in.MinReplicas)
	if in.MaxReplicas != nil {
		most = *in.MaxReplicas
	}
	return Scale{Min: int(in.MinReplicas), Max: int(most)}
}
