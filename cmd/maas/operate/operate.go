// Package operate is the operator's part of the command maas: migrations, keys, and the events that died. Its commands work on the database
// itself, by the environment that functions have (DATABASE_URL, K_SINK, MAAS_SERVICE_KEY), or by the one that a running `maas up` keeps in
// its data folder.
package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/installation"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/ownfile"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Commands returns the commands, to be hung on a root.
func Commands() []*cobra.Command { return []*cobra.Command{migrate(), makeKeys(), events()} }

// migrate returns the command `maas migrate`, which migrates the database that the environment names.
func migrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to this program's",
		Long: "Migrates the database of MIGRATE_DATABASE_URL, as its owner, and lets the user of DATABASE_URL act for the functions; a user that\n" +
			"cannot connect with the password there is made, or given it.\n" +
			"It may run at any time and by several at once; `maas up` does it by itself.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vars := installation.Pairs(os.Environ())
			log, err := telemetry.NewLogger(os.Stderr, vars)
			if err != nil {
				return err
			}
			return installation.Migrate(cmd.Context(), log, vars)
		},
	}
}

// events returns the command `maas events` with its subcommands dead and replay.
func events() *cobra.Command {
	var data string
	cmd := &cobra.Command{Use: "events", Short: "Look at the events that died, and replay them"}
	cmd.PersistentFlags().StringVar(&data, "data", ".maas", "data folder of the `maas up` that runs, where DATABASE_URL is not set")
	cmd.AddCommand(dead(&data), replay(&data))
	return cmd
}

// dead returns the command `maas events dead`, which lists dead letters. data is the data folder, read when the command runs.
func dead(data *string) *cobra.Command {
	var most int
	var format string
	cmd := &cobra.Command{
		Use: "dead", Short: "List the dead letters, the latest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd.Context(), *data, func(ctx context.Context, db *postgres.DB, _ *outbox.Outbox) error {
				letters, err := outbox.Letters(ctx, db, most)
				if err != nil {
					return err
				}
				return list(cmd.OutOrStdout(), letters, format)
			})
		},
	}
	cmd.Flags().IntVar(&most, "limit", 50, "the most that are listed")
	cmd.Flags().StringVar(&format, "output", "text", "text or json")
	return cmd
}

// replay returns the command `maas events replay`, which posts a dead letter's event again. data is the data folder, read when the command
// runs.
func replay(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "replay ID", Short: "Post a dead letter's event again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			id, err := uuid.Parse(arguments[0])
			if err != nil {
				return fault.New(fault.Invalid, "The id of a dead letter is a UUID.", fault.Field("ID"))
			}
			return with(cmd.Context(), *data, func(ctx context.Context, db *postgres.DB, events *outbox.Outbox) error {
				letter, err := events.Replay(ctx, db, id)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.ErrOrStderr(), "posted again, for %s\n", letter.Consumer)
				return err
			})
		},
	}
}

// with opens the database and the outbox, calls do with them, and closes them. data is the data folder of a running `maas up`, for where the
// environment names no database.
func with(ctx context.Context, data string, do func(context.Context, *postgres.DB, *outbox.Outbox) error) (err error) {
	vars, err := variables(data)
	if err != nil {
		return err
	}
	e := env.New("maas", vars, slog.New(slog.DiscardHandler))
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, e.Close(ctx))
	}()
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return err
	}
	return do(ctx, db, events)
}

// variables returns the environment if it names a database, and otherwise the variables that `maas up` keeps in the data folder. It fails with
// Unavailable if there are none.
func variables(data string) (map[string]string, error) {
	vars := installation.Pairs(os.Environ())
	if vars["DATABASE_URL"] != "" || vars["DATABASE_URL_FILE"] != "" {
		return vars, nil
	}
	text, err := ownfile.Read(filepath.Join(data, installation.OperatorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Unavailable,
			"Neither DATABASE_URL is set nor does a `maas up` run on the data folder "+data+"; choose its folder with --data.")
	}
	if err != nil {
		return nil, fmt.Errorf("the operator's file: %w", err)
	}
	return installation.Pairs(strings.Split(strings.TrimSpace(string(text)), "\n")), nil
}

// list writes the letters as JSON if format is "json", and otherwise as a table.
func list(w io.Writer, letters []outbox.Letter, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(letters)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range letters {
		fmt.Fprintf(columns, "%s\t%s\t%s\t%.120q\n", l.ID, l.Died.Format(time.RFC3339), l.Consumer, l.Reason)
	}
	return columns.Flush()
}
