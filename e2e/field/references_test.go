//go:build !cluster

package field

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestWhatReadsLikeAVersionIsOneOrIsRefused holds for the names of aliases and for references, by every way in.
func TestWhatReadsLikeAVersionIsOneOrIsRefused(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Serve("digits")
	s := u.Site()
	for _, alias := range []string{"latest", "v1", "v1.4", "v1.2.3", "v1.x", "v01", "V1", "1.x", "^1", "~1"} {
		s.Do(functiontest.Request{
			Method: http.MethodPut, Path: "/v1/models/" + u.Of("digits") + "/aliases/" + url.PathEscape(alias), Body: `{"version":"1.0.0"}`, Token: s.Token,
		}).AssertProblem(t, fault.Unprocessable, "alias")
	}
	for reference, meant := range map[string]string{"01.0.0": "1.0.0", "1.0.0 ": "1.0.0", " 1.0.0": "1.0.0", "v1.0.0": "1.0.0", "v1.x": "1.x", "1.X": "1.x"} {
		for _, path := range []string{"/v1/models/%/versions/#", "/v1/models/%/versions/#/lineage", "/v2/models/%/versions/#", "/v1/models/%/compare/#...1.0.0"} {
			path = strings.NewReplacer("%", u.Of("digits"), "#", url.PathEscape(reference)).Replace(path)
			answer := s.Do(functiontest.Request{Method: http.MethodGet, Path: path, Token: s.Token})
			answer.AssertProblem(t, fault.Invalid)
			if !strings.Contains(string(answer.Body), "did you mean "+meant+"?") {
				t.Errorf("GET %s: %s", path, answer.Body)
			}
		}
	}
	u.Maas("infer", u.Of("digits")+"@v1.0.0", "-f", "-").Ends(2, "without a v", "did you mean 1.0.0?")
	u.Maas("publish", u.Of("digits")+"@01.0.0").Ends(2, "did you mean 1.0.0?")
	u.Maas("alias", "set", u.Of("digits"), "v1.2.3", "1.0.0").Ends(1, "reads like a version")
}
