package kserve

import (
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"
)

func TestAnEventNamesTheVersionThatItIsAbout(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0193c1d0-0000-7000-8000-000000000001")
	const (
		inference = "/apis/serving.kserve.io/v1beta1/namespaces/maas-models/inferenceservices/"
		revision  = "/apis/serving.knative.dev/v1/namespaces/maas-models/revisions/"
		pod       = "/apis/v1/namespaces/maas-models/pods/v-0193c1d0-0000-7000ea170c4d298be244ad87db5943e9b706-deplo9qnwt"
	)
	cases := []struct {
		subject, data string
		ok            bool
	}{
		{inference + "v-" + id.String(), `{"kind": "InferenceService", "name": "x"}`, true},
		{revision + "v-" + id.String() + "-predictor-00001", "", true},
		{pod, `{"kind": "Pod", "metadata": {"labels": {"serving.kserve.io/inferenceservice": "v-` + id.String() + `"}}}`, true},
		{pod, `{"kind": "Pod", "name": "v-0193c1d0", "namespace": "maas-models"}`, false},
		{inference + "sklearn-iris", "", false},
		{inference + "v-" + id.String()[:35] + "x", "", false},
		{"", "{", false},
	}
	for _, c := range cases {
		ce := cloudevents.NewEvent()
		ce.SetSubject(c.subject)
		if err := ce.SetData(cloudevents.ApplicationJSON, []byte(c.data)); err != nil {
			t.Fatal(err)
		}
		if got, ok := Changed(ce); ok != c.ok || ok && got != id {
			t.Errorf("%s: %s, %v", c.subject, got, ok)
		}
	}
}
