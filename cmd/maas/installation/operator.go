package installation

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/stores"
	"github.com/17882237881/MaaS/shared/ownfile"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/settings"
)

// OperatorFile is where in its data folder a running host keeps the variables that the operator's commands need (mode 0600).
const OperatorFile = "operator.env"

// KeepForOperator writes the OperatorFile into the data folder, with those of the variables that the operator's commands need.
func KeepForOperator(folder *stores.Folder, vars map[string]string) error {
	var lines strings.Builder
	for _, name := range []string{"DATABASE_URL", "K_SINK", "MAAS_SERVICE_KEY_FILE"} {
		fmt.Fprintf(&lines, "%s=%s\n", name, vars[name])
	}
	return ownfile.Write(filepath.Join(folder.Path, OperatorFile), []byte(lines.String()))
}

// Migrate migrates the database as its owner (MIGRATE_DATABASE_URL, else DATABASE_URL), and lets the user of DATABASE_URL act for the
// functions. A user that cannot connect with the password in its URL is created or given it. Either URL may be in a file that the variable
// with _FILE at its end names; without both URLs it fails with Invalid.
func Migrate(ctx context.Context, log *slog.Logger, vars map[string]string) error {
	s := settings.New("migrate", vars)
	app, err := s.Secret("DATABASE_URL")
	if err != nil {
		return err
	}
	owner, err := s.Secret("MIGRATE_DATABASE_URL")
	if err != nil {
		return err
	}
	if owner == "" {
		owner = app
	}
	if owner == "" {
		return fault.New(fault.Invalid, "MIGRATE_DATABASE_URL is not set: it names the database that is migrated, and its owner.")
	}
	if app == "" {
		return postgres.Migrate(ctx, log, owner)
	}
	login, err := pgx.ParseConfig(app) // whose errors, unlike net/url's, do not tell the password
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	if login.Password != "" && owner != app {
		if err := postgres.EnsureLogin(ctx, owner, app); err != nil {
			return err
		}
	}
	return postgres.Migrate(ctx, log, owner, login.User)
}

// Pairs returns an environment of "NAME=value" as a map. Of a name that is there twice the last counts.
func Pairs(environment []string) map[string]string {
	vars := make(map[string]string, len(environment))
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	return vars
}
