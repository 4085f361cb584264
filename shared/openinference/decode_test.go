package openinference_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
)

func TestDecodeRequestReadsEveryDatatype(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	tests := []struct {
		datatype openinference.Datatype
		data     string
		want     []byte
	}{
		{openinference.Bool, `[true, false]`, []byte{1, 0}},
		{openinference.Uint8, `[0, 255]`, []byte{0, 255}},
		{openinference.Uint16, `[1, 65535]`, []byte{1, 0, 255, 255}},
		{openinference.Uint32, `[1, 4294967295]`, []byte{1, 0, 0, 0, 255, 255, 255, 255}},
		{openinference.Uint64, `[18446744073709551615, 2]`, []byte{255, 255, 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 0, 0, 0}},
		{openinference.Int8, `[-128, 127]`, []byte{128, 127}},
		{openinference.Int16, `[-1, 2]`, []byte{255, 255, 2, 0}},
		{openinference.Int32, `[-1, 2]`, []byte{255, 255, 255, 255, 2, 0, 0, 0}},
		{openinference.Int64, `[-9223372036854775808, -1]`, []byte{0, 0, 0, 0, 0, 0, 0, 128, 255, 255, 255, 255, 255, 255, 255, 255}},
		{openinference.FP16, `[1, -65504]`, []byte{0x00, 0x3c, 0xff, 0xfb}},
		{openinference.FP32, `[1.5e0, "Infinity"]`, le.AppendUint32(le.AppendUint32(nil, math.Float32bits(1.5)), 0x7f800000)},
		{openinference.FP64, `[0.1, -0]`, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(0.1)), 1<<63)},
		{openinference.Bytes, `["", "\u00e9\n"]`, []byte{0, 0, 0, 0, 3, 0, 0, 0, 0xc3, 0xa9, '\n'}},
	}
	for _, test := range tests {
		t.Run(string(test.datatype), func(t *testing.T) {
			t.Parallel()
			body := `{"inputs": [{"name": "x", "datatype": "` + string(test.datatype) + `", "shape": [2], "data": ` + test.data + `}]}`
			r, err := openinference.DecodeRequest([]byte(body), len(body))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Inputs[0].Data; !bytes.Equal(got, test.want) {
				t.Errorf("data is % x, want % x", got, test.want)
			}
		})
	}
}

func TestDecodeRequestTakesNestedData(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, shape, data, want string }{
		{"as the shape is", `[2,1,2]`, `[[[1, 2]], [[3, 4]]]`, "\x01\x02\x03\x04"},
		{"flat", `[2,1,2]`, `[1, 2, 3, 4]`, "\x01\x02\x03\x04"},
		{"empty inner arrays", `[2,0]`, `[[], []]`, ""},
		{"no rows", `[0,64]`, `[]`, ""},
		{"a scalar", `[]`, `[7]`, "\x07"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := `{"inputs": [{"data": ` + test.data + `, "name": "x", "datatype": "UINT8", "shape": ` + test.shape + `}]}`
			r, err := openinference.DecodeRequest([]byte(body), len(body))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(r.Inputs[0].Data); got != test.want {
				t.Errorf("data is %q, want %q", got, test.want)
			}
		})
	}
}

func TestDecodeRequestReadsBinaryData(t *testing.T) {
	t.Parallel()
	json := `{"id":"7","parameters":{"binary_data_output":true,"p":1.5},"inputs":[` +
		`{"name":"a","shape":[1],"datatype":"INT16","parameters":{"binary_data_size":2}},` +
		`{"name":"b","shape":[1],"datatype":"INT8","data":[5]},` +
		`{"name":"c","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":9}}],` +
		`"outputs":[{"name":"y","parameters":{"binary_data":false}},{"name":"z"}]}`
	body := []byte(json + "\x01\x02" + "\x01\x00\x00\x00A\x00\x00\x00\x00")
	r, err := openinference.DecodeRequest(body, len(json))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"\x01\x02", "\x05", "\x01\x00\x00\x00A\x00\x00\x00\x00"} {
		if got := string(r.Inputs[i].Data); got != want {
			t.Errorf("input %d is %q, want %q", i, got, want)
		}
	}
	if r.WantsBinary("y") || !r.WantsBinary("z") || !r.WantsBinary("other") {
		t.Error("the outputs' wish for binary data is misread")
	}
	if r.ID != "7" || r.Parameters["p"] != 1.5 {
		t.Errorf("id %q, parameters %v", r.ID, r.Parameters)
	}
}

func TestDecodeRequestNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tensor := func(members string) string { return `{"inputs": [{"name": "x", ` + members + `}]}` }
	tests := []struct{ name, body, says, field string }{
		{"no JSON", `hello`, "malformed at byte 0", ""},
		{"an array", `[]`, "'{' is expected", ""},
		{"text behind", `{} {}`, "the end is expected", ""},
		{"cut", `{"inputs": [`, "the text ends", ""},
		{"unknown member", `{"input": []}`, `"input" is unknown here`, "input"},
		{"member twice", `{"id": "a", "id": "b"}`, "given twice", "id"},
		{"id of a wrong type", `{"id": 7}`, "a string is expected", ""},
		{"no name", `{"inputs": [{"shape": [1], "datatype": "INT8", "data": [1]}]}`, "is missing", "name"},
		{"no shape", tensor(`"datatype": "INT8", "data": [1]`), "shape is missing", "x.shape"},
		{"no datatype", tensor(`"shape": [1], "data": [1]`), "is no datatype", "x.datatype"},
		{"unknown datatype", tensor(`"shape": [1], "datatype": "FLOAT", "data": [1]`), `"FLOAT" is no datatype`, "x.datatype"},
		{"no data", tensor(`"shape": [1], "datatype": "INT8"`), "data is missing", "x.data"},
		{"negative dimension", tensor(`"shape": [-1], "datatype": "INT8", "data": [1]`), "negative dimension -1", "x.shape"},
		{"fractional dimension", tensor(`"shape": [1.5], "datatype": "INT8", "data": [1]`), "whole number", ""},
		{"product beyond int64", tensor(`"shape": [4294967296, 4294967296], "datatype": "INT8", "data": [1]`), "too many elements", "x.shape"},
		{"many elements claimed", tensor(`"shape": [1000000000000], "datatype": "FP64", "data": [1]`), "too few", "x.data"},
		{"too few", tensor(`"shape": [3], "datatype": "INT8", "data": [1, 22]`), "shape [3] asks for", "x.data"},
		{"too many", tensor(`"shape": [1], "datatype": "INT8", "data": [1, 2]`), "shape [1] asks for", "x.data"},
		{"nested unlike the shape", tensor(`"shape": [2,2], "datatype": "INT8", "data": [[1], [2, 3, 4]]`), "shape [2,2]", "x.data"},
		{"nested and flat", tensor(`"shape": [2,2], "datatype": "INT8", "data": [[1, 2], 3, 4]`), "shape [2,2]", "x.data"},
		{"nested too deep", tensor(`"shape": [1], "datatype": "INT8", "data": [[1]]`), "element 0", "x.data"},
		{"beyond the type", tensor(`"shape": [2], "datatype": "INT8", "data": [1, 128]`), `"128" at element 1, which is no INT8`, "x.data"},
		{"beyond FP16", tensor(`"shape": [1], "datatype": "FP16", "data": [65520]`), "no FP16", "x.data"},
		{"a fraction for an integer", tensor(`"shape": [1], "datatype": "INT64", "data": [1.5]`), "no INT64", "x.data"},
		{"a string for a number", tensor(`"shape": [1], "datatype": "FP32", "data": ["1"]`), "no FP32", "x.data"},
		{"null", tensor(`"shape": [1], "datatype": "FP32", "data": [null]`), "no FP32", "x.data"},
		{"a number for a truth", tensor(`"shape": [1], "datatype": "BOOL", "data": [1]`), "no BOOL", "x.data"},
		{"leading zero", tensor(`"shape": [1], "datatype": "INT8", "data": [01]`), "no INT8", "x.data"},
		{"trailing comma", tensor(`"shape": [1], "datatype": "INT8", "data": [1,]`), "x", "x.data"},
		{"data twice", tensor(`"shape": [1], "datatype": "INT8", "data": [1], "parameters": {"binary_data_size": 0}`), "both", "x.data"},
		{"no binary data", tensor(`"shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": 1}`), "0 bytes", "x.parameters.binary_data_size"},
		{"an object as parameter", `{"parameters": {"a": {}}}`, "a string, a number, true or false", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := openinference.DecodeRequest([]byte(test.body), len(test.body))
			faulttest.AssertKind(t, err, fault.Invalid)
			if test.field != "" {
				faulttest.AssertKind(t, err, fault.Invalid, test.field)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, want one with %q", err, test.says)
			}
		})
	}
}

func TestDecodeRequestChecksBinaryData(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, datatype, binary, says string }{
		{"short", "INT32", "\x01\x02", "is 2 bytes: INT32 [1] takes 4"},
		{"a truth of 2", "BOOL", "\x02", "BOOL is 0 or 1"},
		{"a string cut", "BYTES", "\x05\x00\x00\x00ab", "ends inside element 0"},
		{"a length cut", "BYTES", "\x05", "ends inside element 0"},
		{"two strings", "BYTES", "\x00\x00\x00\x00\x00\x00\x00\x00", "has 2 elements"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			size := string(rune('0' + len(test.binary)))
			json := `{"inputs": [{"name": "x", "datatype": "` + test.datatype + `", "shape": [1], "parameters": {"binary_data_size": ` + size + `}}]}`
			_, err := openinference.DecodeRequest([]byte(json+test.binary), len(json))
			faulttest.AssertKind(t, err, fault.Invalid, "x.data")
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, want one with %q", err, test.says)
			}
		})
	}
}

func TestDecodeRequestRefusesBytesBehindTheTensors(t *testing.T) {
	t.Parallel()
	_, err := openinference.DecodeRequest([]byte("{}rest"), 2)
	faulttest.AssertKind(t, err, fault.Invalid, openinference.HeaderLength)
}

func TestParseHeaderLength(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"": 10, "1": 1, "10": 10} {
		if got, err := openinference.ParseHeaderLength(value, 10); err != nil || got != want {
			t.Errorf("%q gives %d, %v; want %d", value, got, err, want)
		}
	}
	for _, value := range []string{"0", "11", "-1", "x", "1.0"} {
		_, err := openinference.ParseHeaderLength(value, 10)
		faulttest.AssertKind(t, err, fault.Invalid, openinference.HeaderLength)
	}
}
