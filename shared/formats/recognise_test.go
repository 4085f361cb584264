package formats_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/formatstest"
)

func TestOtherFormatsAreNamed(t *testing.T) {
	t.Parallel()
	tar := make([]byte, 1024)
	copy(tar[257:], "ustar")
	for want, file := range map[string]string{
		"this is text, not an ONNX file":                                                "hello, this is no model\n",
		"this is a Python pickle, not an ONNX file":                                     "\x80\x04N.",
		"this is a PyTorch file, not an ONNX file":                                      torchFile(t),
		"this is a zip archive, not an ONNX file: unpack it and upload the model in it": zipOf(t, "model.onnx"),
		"this is a safetensors file, not an ONNX file":                                  safetensorsFile(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234"),
		"this is a GGUF file, not an ONNX file":                                         tinyGGUF(),
		"this is an HDF5 file, as Keras and others write it, not an ONNX file":          "\x89HDF\r\n\x1a\n\x00",
		"this is a file compressed with gzip, not an ONNX file":                         "\x1f\x8b\x08\x00",
		"this is a file compressed with lzma, not an ONNX file":                         "\x5d\x00\x03\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00",
		"this is a TensorFlow Lite model, not an ONNX file":                             flatbuffer(tflModel(tflAdd())),
		"this is ONNX Runtime's own format, not an ONNX file":                           "\x1c\x00\x00\x00ORTM",
		"this is a NumPy array, not an ONNX file":                                       npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4),
		"this is a tar archive, not an ONNX file":                                       string(tar),
		"this is an executable program, not an ONNX file":                               "\x7fELF\x02\x01",
		"this is not an ONNX file, nor of any other format that is known here":          "\x00\x01\x02\x03",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, err := recognise([]byte(file))
			if err == nil || err.Error() != want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	t.Parallel()
	assertRefused(t, nil, formats.Empty)
}

func TestTextThatBeginsLikeAModelIsText(t *testing.T) {
	t.Parallel()
	// 2, 7 and 8 in ASCII are tags of doc_string, and of nothing; ":" is the graph's, "B" the operator sets'.
	for _, text := range []string{
		"2026-01-01,1\n", ":x\n", "BERT\n", "r2d2", "\nx", "{\"a\": 1}", "é\n", "# Model\n" + strings.Repeat("ü", 5000), "cat\ndog\n",
	} {
		_, err := recognise([]byte(text))
		var refusal *formats.Refusal
		if !errors.As(err, &refusal) || refusal.Format != formats.Text {
			t.Errorf("%q: %v", text[:2], err)
		}
	}
}

// zipOf returns an archive of empty files.
func zipOf(t testing.TB, names ...string) string {
	t.Helper()
	files := []string{}
	for _, name := range names {
		files = append(files, name, "")
	}
	return archiveOf(t, files...)
}

func FuzzRecognise(f *testing.F) {
	for _, name := range []string{"digits.onnx", "identity.onnx", "everything.onnx", "external.onnx", "sequence.onnx"} {
		whole := fixture(f, name)
		f.Add(whole)
		f.Add(whole[:len(whole)/2])
	}
	f.Add([]byte(lightgbmText(lightgbmHeader, lightgbmTree, lightgbmTree)))
	for _, name := range []string{"iris-xgboost.json", "iris-xgboost.ubj", "iris-lightgbm.txt", "openvino.xml", "openvino-mixed.xml", "config.json"} {
		f.Add(fixture(f, name))
	}
	for _, file := range encodings(f, booster()) {
		f.Add(file)
	}
	f.Add([]byte(tfModel(tfServing().Message(6, proto{}.Text(2, "words.txt")))))
	for _, p := range pickles {
		f.Add([]byte(p.file))
	}
	f.Add([]byte(joblibFile()))
	f.Add([]byte(beforeZip(stateDict, strings.Repeat("\x00", 32))))
	f.Add(fixture(f, "iris.joblib"))
	f.Add(fixture(f, "iris.pkl"))
	f.Add([]byte(safetensorsFile(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234")))
	for _, archive := range []string{torchFile(f), scriptFile(f), kerasFile(f, "{}"), skopsFile(f, "{}"), npzFile(f), zipOf(f, "model.onnx")} {
		f.Add([]byte(archive))
	}
	f.Add([]byte(model(graph().Message(5, formatstest.Tensor("w", "1234", 1)))))
	f.Add([]byte(`{"metadata":{"total_size":4},"weight_map":{"w":"model-1.safetensors"}}`))
	f.Add([]byte(npy("{'descr': [('a', '<f4'), ('b', '|O', (2,))], 'fortran_order': False, 'shape': (3, 4), }\n", 9)))
	f.Add([]byte(tinyGGUF()))
	f.Add(fixture(f, "add.tflite"))
	f.Add([]byte(flatbuffer(tflModel(tflAdd(), tflAdd()))))
	f.Add([]byte(ggufOf(ggufPairs("a", ggufVocabulary...), ggufTensors("w", 8, 0, 32), 34)))
	f.Add(formatstest.Table{Location: "w.bin", Rows: 2, Columns: 2, Tables: 3}.Model("test"))
	for _, hostile := range doubles() {
		f.Add([]byte(hostile))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := formats.Recognise(bytes.NewReader(b), int64(len(b)), formats.Claim{Path: "w.bin"}); err == nil && m.Format == formats.Data &&
			(len(m.External) > 0 || len(m.Outputs) > 0) {
			t.Errorf("data says something of itself: %+v", m)
		}
		for _, name := range []ref.Path{"m.ubj", "m.json", "net.xml", "saved_model.pb", "config.json"} {
			m, err := recogniseAs(name, b)
			var refusal *formats.Refusal
			if err != nil && !errors.As(err, &refusal) || err == nil && m.Format == "" {
				t.Errorf("%s: %+v, %v", name, m, err)
			}
		}
		if m, err := recogniseAs("model.joblib", b); err == nil {
			for _, found := range m.Findings {
				if found.Detail == "" || !utf8.ValidString(found.Detail) || found.Offset < 0 {
					t.Errorf("a finding that cannot be shown: %+v", found)
				}
			}
		}
		m, err := recognise(b)
		for _, e := range m.External {
			if _, err := ref.ParsePath(string(formats.Beside("model.onnx", e.Path))); err != nil || e.Size < 0 || e.Path == "model.onnx" {
				t.Errorf("accepted with data in %q, %d bytes", e.Path, e.Size)
			}
		}
		var refusal *formats.Refusal
		switch {
		case err == nil && (m.Format != formats.ONNX || len(m.Outputs) == 0 || len(m.Opsets) == 0):
			t.Errorf("accepted without an output or an operator set: %+v", m)
		case err != nil && !errors.As(err, &refusal):
			t.Errorf("bytes in memory cannot fail to be read: %v", err)
		case refusal != nil && (refusal.Detail == "" || refusal.Code == "" || refusal.Format == ""):
			t.Errorf("refused without a reason: %+v", refusal)
		}
	})
}
