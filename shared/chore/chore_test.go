package chore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/chore"
)

func TestAChoreThatFailsDoesNotKeepTheOthers(t *testing.T) {
	t.Parallel()
	var done []string
	one := func(name string, err error) chore.Chore {
		return chore.Chore{Name: name, Do: func(ctx context.Context) error {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Errorf("%s has no deadline", name)
			}
			done = append(done, name)
			return err
		}}
	}
	away := errors.New("away")

	err := chore.Round(t.Context(), []chore.Chore{one("first", away), one("second", nil), one("third", context.Canceled)})

	if got := strings.Join(done, " "); got != "first second third" {
		t.Errorf("done: %s", got)
	}
	if !errors.Is(err, away) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "first: away") {
		t.Errorf("the error is %v", err)
	}
}
