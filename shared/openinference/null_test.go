package openinference_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
)

func TestNullIsTheSameAsMissing(t *testing.T) {
	t.Parallel()
	const plain = `{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]}],"outputs":[{"name":"y"}]}`
	const nulls = `{"id":null,"parameters":null,"inputs":[{"name":"x","shape":[1],"datatype":"INT8","parameters":{"content_type":null},"data":[1]}],
		"outputs":[{"name":"y","parameters":null}]}`
	if hashOf(t, []byte(plain), len(plain)) != hashOf(t, []byte(nulls), len(nulls)) {
		t.Error("null means something")
	}
	const answer = `{"model_name":"m","model_version":null,"id":null,"parameters":null,"outputs":[]}`
	if r, err := openinference.DecodeResponse([]byte(answer), len(answer)); err != nil || r.Version != "" {
		t.Errorf("the answer is %+v, %v", r, err)
	}
	for member, field := range map[string]string{"name": "name", "shape": "x.shape", "datatype": "x.datatype", "data": "x.data"} {
		members := map[string]string{"name": `"x"`, "shape": "[1]", "datatype": `"INT8"`, "data": "[1]"}
		members[member] = "null"
		var parts []string
		for key, value := range members {
			parts = append(parts, `"`+key+`":`+value)
		}
		body := `{"inputs":[{` + strings.Join(parts, ",") + `}]}`
		_, err := openinference.DecodeRequest([]byte(body), len(body))
		faulttest.AssertKind(t, err, fault.Invalid, field)
	}
	for _, body := range []string{`null`, `{"inputs":[null]}`, `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[null]}]}`, `{"other":null}`} {
		if _, err := openinference.DecodeRequest([]byte(body), len(body)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}

func TestTextThatIsNotUnicodeIsRefused(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"id":"\ud800"}`:                       "id",
		"{\"id\":\"\xff\"}":                     "id",
		`{"inputs":[{"name":"\udfff"}]}`:        "name",
		`{"parameters":{"p":"a\ud800"}}`:        "p",
		`{"outputs":[{"name":"\ud800\u0041"}]}`: "name",
		`{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","data":["ok","\ud83d"]}]}`:                  "x.data",
		"{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"\xed\xa0\x80\"]}]}": "x.data",
	} {
		_, err := openinference.DecodeRequest([]byte(body), len(body))
		faulttest.AssertKind(t, err, fault.Invalid, field)
	}
	const good = `{"id":"\ud83d\ude00","inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\ud83d\ude00 \ufffd"]}]}`
	if r, err := openinference.DecodeRequest([]byte(good), len(good)); err != nil || r.ID != "\U0001F600" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTypesThatAreNotSupportedAreNamed(t *testing.T) {
	t.Parallel()
	const body = `{"inputs":[{"name":"x","shape":[1],"datatype":"BF16","data":[1]}]}`
	_, err := openinference.DecodeRequest([]byte(body), len(body))
	faulttest.AssertKind(t, err, fault.Invalid, "x.datatype")
	if !strings.Contains(err.Error(), "BF16 is not supported") {
		t.Error(err)
	}
}
