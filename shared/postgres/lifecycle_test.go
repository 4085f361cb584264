package postgres

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"github.com/17882237881/MaaS/api"
)

// TestTheDatabaseAllowsTheStepsOfTheAPI compares the steps that package api has between statuses with those that triggers allow.
func TestTheDatabaseAllowsTheStepsOfTheAPI(t *testing.T) {
	t.Parallel()
	allowed := allowedSteps(t)
	known := slices.Concat(
		steps(api.UploadStatuses(), api.UploadStatus.CanBecome),
		steps(api.VersionStatuses(), api.VersionStatus.CanBecome),
		steps(api.DeploymentStatuses()[1:], api.DeploymentStatus.CanBecome), // the first is that there is no row
	)
	slices.Sort(known)
	if !slices.Equal(allowed, known) {
		t.Errorf("package api has the steps  %q\nthe database allows the steps %q", known, allowed)
	}
}

func steps[S ~string](all []S, canBecome func(from, to S) bool) []string {
	var found []string
	for _, from := range all {
		for _, to := range all {
			if canBecome(from, to) {
				found = append(found, string(from)+" → "+string(to))
			}
		}
	}
	return found
}

func allowedSteps(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations, path)
		for _, guard := range regexp.MustCompile(`(?s)\(old\.status, new\.status\) not in\s*\((.*?)\) then`).FindAllSubmatch(text, -1) {
			for _, step := range regexp.MustCompile(`\('(\w+)', '(\w+)'\)`).FindAllSubmatch(guard[1], -1) {
				found = append(found, string(step[1])+" → "+string(step[2]))
			}
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("the migrations allow %q, %v", found, err)
	}
	slices.Sort(found)
	return found
}
