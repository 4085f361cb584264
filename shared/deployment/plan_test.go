package deployment

import (
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
)

var readAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ago returns the time so long before the facts were read.
func ago(d time.Duration) *time.Time {
	t := readAt.Add(-d)
	return &t
}

// started returns a version that was published, has started and was left alone since, with a deployment of the status.
func started(status api.DeploymentStatus, change func(*facts)) facts {
	f := facts{
		at: readAt, versionStatus: api.VersionPublished, publishedAt: ago(time.Hour), readyAt: ago(time.Hour),
		status: status, updatedAt: ago(time.Hour),
	}
	if status == api.DeploymentNone {
		f.updatedAt = nil
	}
	change(&f)
	return f
}

func TestVersionsThatShouldRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		facts facts
		want  bool
	}{
		"left alone":                   {started(api.DeploymentIdle, func(*facts) {}), false},
		"an alias leads to it":         {started(api.DeploymentNone, func(f *facts) { f.target = true }), true},
		"an alias led to it":           {started(api.DeploymentNone, func(f *facts) { f.leftAt = ago(9000 * time.Hour) }), true},
		"called 7 days ago":            {started(api.DeploymentIdle, func(f *facts) { f.calledAt = ago(calledWithin) }), false},
		"called less than 7 days ago":  {started(api.DeploymentIdle, func(f *facts) { f.calledAt = ago(calledWithin - time.Second) }), true},
		"wanted 10 minutes ago":        {started(api.DeploymentNone, func(f *facts) { f.wantedAt = ago(wantedWithin) }), false},
		"wanted less than 10 min. ago": {started(api.DeploymentNone, func(f *facts) { f.wantedAt = ago(wantedWithin - time.Second) }), true},
		"published, not started yet":   {started(api.DeploymentNone, func(f *facts) { f.readyAt = nil }), true},
		"published, on its first start": {
			started(api.DeploymentStarting, func(f *facts) { f.readyAt = nil }), true,
		},
		"published, its first start failed": {
			started(api.DeploymentFailed, func(f *facts) { f.readyAt = nil }), false,
		},
		"deprecated, never started": {
			started(api.DeploymentNone, func(f *facts) { f.readyAt, f.versionStatus = nil, api.VersionDeprecated }), false,
		},
		"deprecated target": {
			started(api.DeploymentNone, func(f *facts) { f.target, f.versionStatus = true, api.VersionDeprecated }), true,
		},
		"retired target": {
			started(api.DeploymentReady, func(f *facts) { f.target, f.versionStatus = true, api.VersionRetired }), false,
		},
		"draft, called": {
			started(api.DeploymentNone, func(f *facts) { f.calledAt, f.versionStatus = ago(0), api.VersionDraft }), false,
		},
		"failed target":               {started(api.DeploymentFailed, func(f *facts) { f.target = true }), false},
		"failed target, wanted since": {started(api.DeploymentFailed, func(f *facts) { f.target, f.wantedAt = true, ago(time.Minute) }), true},
		"failed target, wanted before": {
			started(api.DeploymentFailed, func(f *facts) { f.target, f.wantedAt = true, ago(2*time.Hour) }), false,
		},
	} {
		if got := test.facts.planned().wanted; got != test.want {
			t.Errorf("%s: should run is %v, want %v", name, got, test.want)
		}
	}
}

func TestVersionsThatAnAliasJustLeftAreKeptWarm(t *testing.T) {
	t.Parallel()
	for left, want := range map[*time.Time]bool{
		nil: false, ago(0): true, ago(guardWindow - time.Second): true, ago(guardWindow): false,
	} {
		if got := started(api.DeploymentReady, func(f *facts) { f.leftAt = left }).planned().Warm; got != want {
			t.Errorf("left at %v: warm is %v, want %v", left, got, want)
		}
	}
}

func TestVersionsThatAreDue(t *testing.T) {
	t.Parallel()
	target := func(status api.DeploymentStatus, change func(*facts)) facts {
		return started(status, func(f *facts) { f.target = true; change(f) })
	}
	for name, test := range map[string]struct {
		facts facts
		want  bool
	}{
		"ready":                            {target(api.DeploymentReady, func(*facts) {}), false},
		"idle":                             {target(api.DeploymentIdle, func(*facts) {}), false},
		"none":                             {target(api.DeploymentNone, func(*facts) {}), true},
		"none, just published":             {target(api.DeploymentNone, func(f *facts) { f.publishedAt = ago(29 * time.Second) }), false},
		"removed":                          {target(api.DeploymentRemoved, func(*facts) {}), true},
		"removed, just now":                {target(api.DeploymentRemoved, func(f *facts) { f.updatedAt = ago(29 * time.Second) }), false},
		"failed":                           {target(api.DeploymentFailed, func(*facts) {}), false},
		"failed, wanted since":             {target(api.DeploymentFailed, func(f *facts) { f.wantedAt = ago(time.Minute) }), true},
		"pending, just now":                {target(api.DeploymentPending, func(f *facts) { f.updatedAt = ago(29 * time.Second) }), false},
		"pending for a while":              {target(api.DeploymentPending, func(f *facts) { f.updatedAt = ago(settledAfter) }), true},
		"pending for a while, woken":       {target(api.DeploymentPending, func(f *facts) { f.updatedAt, f.wokenAt = ago(19*time.Minute), ago(time.Minute) }), true},
		"pending for long":                 {target(api.DeploymentPending, func(*facts) {}), true},
		"pending for long, just woken":     {target(api.DeploymentPending, func(f *facts) { f.wokenAt = ago(stuckPause - time.Second) }), false},
		"pending for long, woken long ago": {target(api.DeploymentPending, func(f *facts) { f.wokenAt = ago(stuckPause) }), true},
		"starting, next try to come":       {target(api.DeploymentStarting, func(f *facts) { f.retryAt = ago(-time.Second) }), false},
		"starting, next try has come": {
			target(api.DeploymentStarting, func(f *facts) { f.retryAt, f.updatedAt = ago(0), ago(time.Second) }), true,
		},
		"asked for by an event on its way": {target(api.DeploymentNone, func(f *facts) { f.postAt = ago(-time.Minute) }), false},
		"asked for by an event far off":    {target(api.DeploymentNone, func(f *facts) { f.postAt = ago(-postedWithin) }), true},
		"runs and should not":              {started(api.DeploymentReady, func(f *facts) { f.updatedAt = ago(time.Minute) }), true},
		"waits and should not":             {started(api.DeploymentPending, func(f *facts) { f.updatedAt = ago(time.Minute) }), true},
		"removed and should not":           {started(api.DeploymentRemoved, func(f *facts) { f.updatedAt = ago(time.Minute) }), false},
		"retired, never ran": {
			target(api.DeploymentNone, func(f *facts) { f.versionStatus = api.VersionRetired }), false,
		},
		"a draft": {target(api.DeploymentNone, func(f *facts) { f.versionStatus, f.publishedAt = api.VersionDraft, nil }), false},
	} {
		if got := test.facts.due(); got != test.want {
			t.Errorf("%s: due is %v, want %v", name, got, test.want)
		}
	}
}
