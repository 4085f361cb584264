package commands

import (
	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/page"
)

// limited bounds a list that is shown.
type limited struct{ most int }

// flag adds the flag --limit to cmd, 200 by default.
func (l *limited) flag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.most, "limit", 200, "the most items to show")
}

// list calls read for one page after the other until there are l.most items, and returns them as one page. If there are more, it says so on
// stderr and leaves Next set. On an error it returns the items read so far.
func list[T any](s *session, l limited, read func(page.Request) (page.Page[T], error)) (page.Page[T], error) {
	all := page.Page[T]{Items: []T{}}
	for {
		next, err := read(page.Request{Size: min(max(l.most-len(all.Items), 1), page.MaxSize), After: all.Next})
		if err != nil {
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
