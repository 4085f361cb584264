package commands

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/cmd/maas/client"
)

// limited bounds a list that is shown.
type limited struct{ most int }

func (l *limited) flag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.most, "limit", 200, "the most items to show")
}

// list reads pages of a list until there are as many items as are asked for, and says so if there are more.
func list[T any](ctx context.Context, s *session, path string, l limited) (page.Page[T], error) {
	all := page.Page[T]{Items: []T{}}
	for {
		size := strconv.Itoa(min(max(l.most-len(all.Items), 1), page.MaxSize))
		var next page.Page[T]
		if err := s.Do(ctx, client.Request{Method: http.MethodGet, Path: with(path, "page_size", size, "page_token", all.Next)}, &next); err != nil {
			return all, err
		}
		all.Items, all.Next = append(all.Items, next.Items...), next.Next
		if all.Next == "" {
			return all, nil
		}
		if len(all.Items) >= l.most {
			s.sayf("there are more: see --limit")
			return all, nil
		}
	}
}

// with adds to the query of a path.
func with(path string, pairs ...string) string {
	before, given, ok := strings.Cut(path, "?")
	if !ok {
		return path + client.Query(pairs...)
	}
	values, err := url.ParseQuery(given)
	if err != nil {
		return path // query wrote it
	}
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, name, value)
		}
	}
	return before + client.Query(pairs...)
}
