package commands

import (
	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/page"
)

// limited bounds a list that is shown.
type limited struct{ most int }

func (l *limited) flag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.most, "limit", 200, "the most items to show")
}

// list reads pages of a list until there are as many items as are asked for, and says so if there are more.
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
