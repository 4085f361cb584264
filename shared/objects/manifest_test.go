package objects_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

// acme returns the tenant whose manifests these are.
func acme() uuid.UUID { return uuid.MustParse("0192f0c1-2222-7000-8000-000000000001") }

func entry(path, content string) objects.ManifestFile {
	return objects.ManifestFile{
		Path: ref.Path(path), Size: int64(len(content)), SHA256: ref.SumOf([]byte(content)),
		Object: objects.UploadKey(acme(), uuid.NewSHA1(acme(), []byte(content))),
	}
}

func TestAManifestHasOneFormWhateverTheOrderOfItsFiles(t *testing.T) {
	t.Parallel()
	a, b := entry("a & b.onnx", "x"), entry("weights/模型.bin", "y")
	first, err := objects.NewManifest(acme(), []objects.ManifestFile{a, b})
	if err != nil {
		t.Fatal(err)
	}
	second, err := objects.NewManifest(acme(), []objects.ManifestFile{b, a})
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest() != second.Digest() {
		t.Errorf("digests differ:\n%s\n%s", first.Encode(), second.Encode())
	}
	want := fmt.Sprintf(`[{"path":"a & b.onnx","size":1,"sha256":%q,"object":%q},{"path":"weights/模型.bin","size":1,"sha256":%q,"object":%q}]`,
		a.SHA256, a.Object, b.SHA256, b.Object)
	if got := string(first.Encode()); got != want {
		t.Errorf("encoded as\n%s, want\n%s", got, want)
	}
}

func TestListsThatAreNoManifestAreRefused(t *testing.T) {
	t.Parallel()
	foreign, unsized, undigested := entry("a", "x"), entry("a", "x"), entry("a", "x")
	foreign.Object = objects.UploadKey(uuid.New(), uuid.New())
	unsized.Size = 0
	undigested.SHA256 = ref.Digest{}
	for name, files := range map[string][]objects.ManifestFile{
		"empty":            {},
		"a path twice":     {entry("a", "x"), entry("a", "y")},
		"below a file":     {entry("a", "x"), entry("a.b", "x"), entry("a/b", "y")},
		"no path":          {entry("", "x")},
		"our own name":     {entry(".fetch-a", "x")},
		"no size":          {unsized},
		"no digest":        {undigested},
		"another's object": {foreign},
	} {
		_, err := objects.NewManifest(acme(), files)
		if !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyTheCanonicalFormIsParsed(t *testing.T) {
	t.Parallel()
	m, err := objects.NewManifest(acme(), []objects.ManifestFile{entry("a", "x"), entry("b", "y")})
	if err != nil {
		t.Fatal(err)
	}
	good := string(m.Encode())
	if _, err := objects.ParseManifest(acme(), []byte(good)); err != nil {
		t.Fatal(err)
	}
	elements := strings.SplitAfterN(strings.Trim(good, "[]"), "},", 2)
	for name, bad := range map[string]string{
		"nothing":         "",
		"null":            "null",
		"an object":       "{}",
		"spaces":          strings.Replace(good, ",", ", ", 1),
		"a line's end":    good + "\n",
		"more":            good + "[]",
		"unsorted":        "[" + elements[1] + "," + strings.TrimSuffix(elements[0], ",") + "]",
		"unknown field":   strings.Replace(good, `"size"`, `"mode":1,"size"`, 1),
		"a field twice":   strings.Replace(good, `"size":1`, `"size":1,"size":1`, 1),
		"another case":    strings.Replace(good, `"size"`, `"Size"`, 1),
		"out of its dir":  strings.Replace(good, `"a"`, `"../a"`, 1),
		"escaped":         strings.Replace(good, `"a"`, `"\u0061"`, 1),
		"negative":        strings.Replace(good, `"size":1`, `"size":-1`, 1),
		"a float":         strings.Replace(good, `"size":1`, `"size":1.0`, 1),
		"upper-case hash": strings.Replace(good, m[0].SHA256.String(), strings.ToUpper(m[0].SHA256.String()), 1),
		"too large":       "[" + strings.Repeat(" ", objects.MaxManifest) + "]",
	} {
		if _, err := objects.ParseManifest(acme(), []byte(bad)); err == nil {
			t.Errorf("%s: parsed", name)
		}
	}
	_, err = objects.ParseManifest(acme(), []byte(strings.Replace(good, `"a"`, `"../a"`, 1)))
	if err == nil || !strings.Contains(err.Error(), `"../a"`) {
		t.Errorf("a bad path is refused with %v, which does not name it", err)
	}
	_, err = objects.ParseManifest(uuid.New(), []byte(good))
	faulttest.AssertKind(t, err, fault.Unprocessable, "manifest")
}

func TestWhatIsEncodedIsParsed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z<>&"é ]{1,8}`), 1, 10, rapid.ID[string]).Draw(t, "names")
		files := make([]objects.ManifestFile, len(names))
		for i, name := range names {
			files[i] = entry(name, name)
		}
		m, err := objects.NewManifest(acme(), files)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := objects.ParseManifest(acme(), m.Encode())
		if err != nil || parsed.Digest() != m.Digest() || parsed.Size() != m.Size() {
			t.Errorf("parsed as %v, %v, want %v", parsed, err, m)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	m, err := objects.NewManifest(acme(), []objects.ManifestFile{entry("a", "x"), entry("b/c", "y")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Encode())
	f.Add([]byte(`[{"path":"a","size":1}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := objects.ParseManifest(acme(), b); err == nil && !bytes.Equal(m.Encode(), b) {
			t.Errorf("%s has another form: %s", b, m.Encode())
		}
	})
}

func FuzzParseURI(f *testing.F) {
	f.Add(objects.URI{Bucket: "maas", Tenant: acme(), Digest: ref.SumOf(nil)}.String())
	f.Add("maas://b/t/x/manifests/y")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := objects.ParseURI(s); err == nil && u.String() != s {
			t.Errorf("%q was parsed as %q", s, u)
		}
	})
}
