package commands

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// needed returns a usage error that names the first of the flags whose value is empty, and nil if all are given.
func needed(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if cmd.Flag(name).Value.String() == "" {
			return misuse(fault.New(fault.Invalid, "--"+name+" is needed.", fault.Field(name)))
		}
	}
	return nil
}

// version is the reference to one exact version of a model.
type version struct {
	model ref.Model
	ref.Version
}

// exact parses a reference to one version, "acme/fraud@1.4.0". Any other reference is a usage error.
func exact(argument string) (version, error) {
	target, err := ref.ParseTarget(argument)
	if err != nil {
		return version{}, misuse(err)
	}
	v, ok := target.Selector.Version()
	if !ok {
		return version{}, misuse(fault.New(fault.Invalid, "Name one version, like "+target.Model.String()+"@1.0.0.", fault.Field("REF")))
	}
	return version{target.Model, v}, nil
}

// String returns "acme/fraud@1.4.0".
func (v version) String() string { return v.model.String() + "@" + v.Version.String() }

// model parses the name of a model, "acme/fraud". A malformed name is a usage error.
func model(argument string) (ref.Model, error) {
	m, err := ref.ParseModel(argument)
	return m, misuse(err)
}

// target parses "acme/fraud" or "acme/fraud@production". Anything malformed is a usage error.
func target(argument string) (ref.Target, error) {
	t, err := ref.ParseTarget(argument)
	return t, misuse(err)
}

// named reads a model and an alias, written as "acme/fraud production" or "acme/fraud@production", and returns the arguments that follow. A
// missing or malformed alias or model is a usage error. There must be one argument or more.
func named(arguments []string) (m ref.Model, a ref.Alias, rest []string, err error) {
	first, alias, joined := strings.Cut(arguments[0], "@")
	rest = arguments[1:]
	if !joined {
		if len(rest) == 0 {
			return m, a, nil, misuse(fault.New(fault.Invalid, "Name an alias, like "+first+"@production.", fault.Field("ALIAS")))
		}
		alias, rest = rest[0], rest[1:]
	}
	if m, err = ref.ParseModel(first); err != nil {
		return m, a, nil, misuse(err)
	}
	a, err = ref.ParseAlias(alias)
	return m, a, rest, misuse(err)
}
