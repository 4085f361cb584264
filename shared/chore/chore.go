// Package chore does what nothing else comes to do: sweep's round, each minute.
package chore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Chore is one part of a round, apart from the others.
type Chore struct {
	Name string // as its failure is told: "expire uploads"
	Do   func(context.Context) error
}

// Patience is for one chore, so that one that hangs leaves time for the others.
const Patience = 15 * time.Second

// Round does all chores, in their order. What one fails with does not keep the others, and is told at the end.
func Round(ctx context.Context, all []Chore) error {
	var errs []error
	for _, one := range all {
		bounded, done := context.WithTimeout(ctx, Patience)
		if err := one.Do(bounded); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one.Name, err))
		}
		done()
	}
	return errors.Join(errs...)
}
