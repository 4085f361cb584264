package formats_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/formats"
)

func TestThePolicyDecidesWhatBecomesOfFilesThatCanRunCode(t *testing.T) {
	t.Parallel()
	unsafe := []formats.Finding{{Code: "import", Detail: "imports os.system", Unsafe: true, Offset: 7}}
	remarks := []formats.Finding{{Code: "custom_domain", Detail: "operators of another domain"}}
	for _, c := range []struct {
		format       formats.Format
		findings     []formats.Finding
		pickle, code api.FormatRule
		says         string // "" if it is accepted
	}{
		{"onnx", remarks, api.RefuseFormat, api.RefuseFormat, ""},
		{"data", nil, api.RefuseFormat, api.RefuseFormat, ""},
		{"pickle", nil, api.RefuseFormat, api.AllowFormat, "can run code, which the tenant's policy refuses (pickle: refuse)"},
		{"pickle", unsafe, api.RefuseFormat, api.AllowFormat, "refuses (pickle: refuse): imports os.system (byte 7)"},
		{"pickle", nil, api.ScanFormat, api.RefuseFormat, ""},
		{"pickle", unsafe, api.ScanFormat, api.AllowFormat, "can run what is not known to be safe: imports os.system (byte 7)"},
		{"pickle", unsafe, api.AllowFormat, api.RefuseFormat, ""},
		{"joblib", nil, api.RefuseFormat, api.AllowFormat, "pickle: refuse"},
		{"pytorch", nil, api.RefuseFormat, api.AllowFormat, "pickle: refuse"},
		{"numpy", nil, api.RefuseFormat, api.RefuseFormat, ""},
		{"numpy", unsafe, api.RefuseFormat, api.AllowFormat, "pickle: refuse"},
		{"skops", nil, api.RefuseFormat, api.RefuseFormat, ""},
		{"torchscript", nil, api.AllowFormat, api.RefuseFormat, "code: refuse"},
		{"torchscript", unsafe, api.RefuseFormat, api.AllowFormat, ""},
		{"keras", nil, api.RefuseFormat, api.RefuseFormat, ""},
		{"keras", unsafe, api.AllowFormat, api.RefuseFormat, "code: refuse"},
		{"config", unsafe, api.AllowFormat, api.RefuseFormat, "code: refuse"},
		{"onnx", unsafe, api.RefuseFormat, "", "code: refuse"},
	} {
		m := formats.Model{Format: c.format, Findings: c.findings}
		refused := formats.CheckPolicy(m, api.FormatPolicy{Pickle: c.pickle, Code: c.code})
		switch {
		case (refused == nil) != (c.says == ""):
			t.Errorf("%+v: %v", c, refused)
		case refused != nil && (refused.Code != formats.RunsCode || !strings.Contains(refused.Detail, c.says)):
			t.Errorf("%+v: %s: %s", c, refused.Code, refused.Detail)
		}
	}
}
