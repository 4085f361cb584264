package formats_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// npyEntry returns an array with a header and data.
func npyEntry(header, data string) string {
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)+1))) + header + "\n" + data
}

func npzFile(t testing.TB) string {
	t.Helper()
	return archiveOf(t, "x.npy", npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", "12345678"))
}

func TestArraysAreRead(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("arrays.npz", fixture(t, "arrays.npz"))
	if err != nil || m.Format != formats.NPZ || m.Parameters != 17 || len(m.Tensors) != 2 || len(m.Findings) > 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if x := m.Tensors[0]; x.Name != "x" || x.Datatype != "FP64" || len(x.Shape) != 2 || x.Shape[0] != 3 || x.Shape[1] != 4 {
		t.Errorf("%+v", x)
	}
}

func TestArraysWhoseNamesDifferInCaseAreRead(t *testing.T) {
	t.Parallel()
	one := npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "1234")
	m, err := recogniseAs("x.npz", archiveOf(t, "w.npy", one, "W.npy", one))
	if err != nil || len(m.Tensors) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestArraysOfObjectsAreFound(t *testing.T) {
	t.Parallel()
	for _, descr := range []string{"'|O'", "[('a', '<f4'), ('b', '|O')]", "[('a', [('b', '|O')])]"} {
		file := archiveOf(t, "x.npy", npyEntry("{'descr': "+descr+", 'fortran_order': False, 'shape': (1,), }", unsafePickle))
		if got := details(t, "x.npz", file, formats.NPZ); len(got) != 1 || got[0] != `"x.npy" has objects, which are pickled` {
			t.Errorf("%s: found %q", descr, got)
		}
	}
}

func TestAnArrayThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, array := range map[string]string{
		"no array":           "junk",
		"a header cut":       "\x93NUMPY\x01\x00\xff\x00{",
		"code in the header": npyEntry("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }", "1234"),
		"too few bytes":      npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1234"),
		"too many bytes":     npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "12345678"),
		"an endless shape":   npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", ""),
		"many dimensions":    npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1, ", 100)+"), }", "1234"),
	} {
		_, err := recogniseAs("x.npz", []byte(archiveOf(t, "x.npy", array)))
		var refusal *formats.Refusal
		if !errors.As(err, &refusal) || refusal.Code != formats.Malformed && refusal.Code != formats.Truncated {
			t.Errorf("%s: %v", name, err)
		}
	}
}
