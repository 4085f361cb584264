package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/client"
)

func (m Maker) usage() *cobra.Command {
	var from, to, by string
	cmd := &cobra.Command{Use: "usage", Short: "Show what was used", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&from, "from", "", `the beginning: "2026-01-31" or a time of RFC 3339`)
	cmd.Flags().StringVar(&to, "to", "", "the end, likewise")
	cmd.Flags().StringVar(&by, "group-by", "", "model, version, key or day")
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		for _, bound := range []*string{&from, &to} {
			if *bound == "" {
				continue
			}
			at, err := moment(*bound, time.Now())
			if err != nil {
				return err
			}
			*bound = at.Format(time.RFC3339)
		}
		return s.figures(ctx, "/v1/usage"+client.Query("from", from, "to", to, "group_by", by))
	})
}

func (m Maker) stats() *cobra.Command {
	cmd := &cobra.Command{Use: "stats MODEL", Short: "Show how a model is called: rate, errors, latency, cache", Args: cobra.ExactArgs(1)}
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, err := model(arguments[0])
		if err != nil {
			return err
		}
		return s.figures(ctx, modelPath(of)+"/stats")
	})
}

// figures shows whatever the route answers.
func (s *session) figures(ctx context.Context, path string) error {
	var found map[string]any
	if err := s.Do(ctx, client.Request{Method: http.MethodGet, Path: path}, &found); err != nil {
		return err
	}
	return s.result(found, func(w io.Writer) { writeFigures(w, found, "") })
}

// writeFigures writes an object of JSON as lines of names and values, what is nested further in.
func writeFigures(w io.Writer, object map[string]any, indent string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if name == "next_page_token" {
			continue
		}
		switch value := object[name].(type) {
		case map[string]any:
			fmt.Fprintf(w, "%s%s\n", indent, safe(name))
			writeFigures(w, value, indent+"  ")
		case []any:
			fmt.Fprintf(w, "%s%s\n", indent, safe(name))
			writeItems(w, value, indent+"  ")
		default:
			fmt.Fprintf(w, "%s%s: %s\n", indent, safe(name), figure(value))
		}
	}
}

// writeItems writes each object of a list on a line of its own.
func writeItems(w io.Writer, items []any, indent string) {
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			fmt.Fprintf(w, "%s%s\n", indent, figure(item))
			continue
		}
		parts := make([]string, 0, len(object))
		for _, name := range slices.Sorted(maps.Keys(object)) {
			parts = append(parts, safe(name)+" "+figure(object[name]))
		}
		fmt.Fprintf(w, "%s%s\n", indent, strings.Join(parts, ", "))
	}
}

func figure(value any) string {
	switch value := value.(type) {
	case string:
		return safe(value)
	case nil:
		return "-"
	default:
		text, err := json.Marshal(value)
		if err != nil {
			return "-" // it came out of JSON
		}
		return safe(string(text))
	}
}
