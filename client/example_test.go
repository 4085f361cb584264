package maas_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// fail ends an example.
func fail(err error) { panic(err) }

// server stands for an installation that has the model acme/fraud.
func server() *httptest.Server {
	mux := http.NewServeMux()
	const version = `{"model":"acme/fraud","version":"1.4.0","status":"published","deployment":{"status":"ready"},"files":[]}`
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }
	}
	mux.Handle("GET /v1/models/acme/fraud/versions/{ref}", answer(version))
	mux.Handle("GET /v1/models/acme/fraud/versions", answer(`{"items":[`+version+`],"next_page_token":""}`))
	mux.Handle("POST /v2/models/acme/fraud/versions/production/infer", answer(`{"outputs":[{"name":"score","data":[0.02]}]}`))
	return httptest.NewServer(mux)
}

func Example() {
	s := server()
	defer s.Close()
	client, err := maas.New(s.URL, maas.WithAPIKey("maas_id_secret"))
	if err != nil {
		fail(err)
	}
	defer client.Close()

	model := ref.Model{Tenant: "acme", Name: "fraud"}
	version, err := client.GetVersion(context.Background(), api.VersionRequest{Model: model})
	if err != nil {
		fail(err)
	}
	fmt.Println(version.Model, version.Version, version.Deployment.Status)

	_, err = client.GetModel(context.Background(), api.ModelRequest{Model: ref.Model{Tenant: "acme", Name: "none"}})
	fmt.Println(fault.KindOf(err))
	// Output:
	// acme/fraud 1.4.0 ready
	// not_found
}

func ExampleClient_Versions() {
	s := server()
	defer s.Close()
	client, err := maas.New(s.URL, maas.WithAPIKey("maas_id_secret"))
	if err != nil {
		fail(err)
	}
	defer client.Close()

	for version, err := range client.Versions(context.Background(), api.ListVersionsRequest{Model: ref.Model{Tenant: "acme", Name: "fraud"}}) {
		if err != nil {
			fail(err)
		}
		fmt.Println(version.Version, version.Status)
	}
	// Output: 1.4.0 published
}

func ExampleClient_Infer() {
	s := server()
	defer s.Close()
	client, err := maas.New(s.URL, maas.WithAPIKey("maas_id_secret"))
	if err != nil {
		fail(err)
	}
	defer client.Close()

	target, err := ref.ParseTarget("acme/fraud@production")
	if err != nil {
		fail(err)
	}
	answer, err := client.Infer(context.Background(), maas.InferRequest{
		Target: target, Body: []byte(`{"inputs":[{"name":"amount","datatype":"FP32","shape":[1],"data":[12.5]}]}`),
	})
	if err != nil {
		fail(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		fail(err)
	}
	// Output: {"outputs":[{"name":"score","data":[0.02]}]}
}

func ExampleClient_Upload() { //nolint:testableexamples // it needs a server and a file
	client, err := maas.New("https://maas.example.com", maas.WithAPIKey(os.Getenv("MAAS_API_KEY")))
	if err != nil {
		fail(err)
	}
	defer client.Close()
	file, err := os.Open("model.onnx")
	if err != nil {
		fail(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		fail(err)
	}
	version, err := ref.ParseVersion("1.5.0")
	if err != nil {
		fail(err)
	}
	done, err := client.Upload(context.Background(), maas.UploadRequest{
		Model: ref.Model{Tenant: "acme", Name: "fraud"}, Version: version, Path: "model.onnx", Size: info.Size(), Content: file,
	})
	if err != nil {
		fail(err)
	}
	fmt.Println(done.SHA256)
}
