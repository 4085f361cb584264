package formats_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// archiveOf returns an archive of files that are stored: names and contents.
func archiveOf(t testing.TB, files ...string) string { return archiveBy(t, zip.Store, files...) }

func archiveBy(t testing.TB, method uint16, files ...string) string {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	unsafePickle = "\x80\x02" + runsSystem
	// stateDict is what torch.save(OrderedDict(weight=torch.zeros(3, 2))) writes.
	stateDict = "\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x06\x00\x00\x00weightq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03" +
		"((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x06tq\x08Q" +
		"K\x00K\x03K\x02\x86q\x09K\x02K\x01\x86q\x0a\x89h\x00)Rq\x0btq\x0cRq\x0ds."
)

func torchFile(t testing.TB) string {
	t.Helper()
	return archiveOf(t, "archive/data.pkl", stateDict, "archive/data/0", strings.Repeat("\x00", 24), "archive/version", "3\n")
}

func scriptFile(t testing.TB) string {
	t.Helper()
	data := "\x80\x02c__torch__\nNet\n)\x81}X\x01\x00\x00\x00nctorch.jit._pickle\nbuild_intlist\n](K\x01e\x85Rsb."
	return archiveOf(t, "net/data.pkl", data, "net/code/__torch__.py", "class Net(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return x\n",
		"net/constants.pkl", "\x80\x02).")
}

// details returns what was found in a file, and fails if it is not accepted with the format.
func details(t testing.TB, name, file string, want formats.Format) []string {
	t.Helper()
	m, err := recogniseAs(name, []byte(file))
	if err != nil || m.Format != want {
		t.Fatalf("%s, %v; want %s", m.Format, err, want)
	}
	all := []string{}
	for _, f := range m.Findings {
		if f.Unsafe {
			all = append(all, f.Detail)
		}
	}
	return all
}

func TestAStateDictIsRead(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("model.pt", []byte(torchFile(t)))
	if err != nil || m.Format != formats.PyTorch || len(m.Findings) != 0 || len(m.Tensors) != 1 || m.Parameters != 6 {
		t.Fatalf("%+v, %v", m, err)
	}
	if w := m.Tensors[0]; w.Name != "weight" || w.Datatype != "FP32" || len(w.Shape) != 2 || w.Shape[0] != 3 || w.Shape[1] != 2 {
		t.Errorf("%+v", w)
	}
}

func TestEachPickleInAnArchiveIsScanned(t *testing.T) {
	t.Parallel()
	plain := []string{"archive/data.pkl", stateDict, "archive/version", "3\n"}
	deep := archiveOf(t, "inner/weights", unsafePickle)
	for name, c := range map[string]struct {
		file string
		want string
	}{
		"data.pkl":                       {archiveOf(t, "archive/data.pkl", unsafePickle), `"archive/data.pkl" imports os.system`},
		"deflated":                       {archiveBy(t, zip.Deflate, "archive/data.pkl", unsafePickle), `"archive/data.pkl" imports os.system`},
		"another name":                   {archiveOf(t, append(plain, "archive/weights.bin", unsafePickle)...), `"archive/weights.bin" imports os.system`},
		"a deeper folder":                {archiveOf(t, append(plain, "archive/x/data.pkl", unsafePickle)...), `"archive/x/data.pkl" imports os.system`},
		"another case":                   {archiveOf(t, append(plain, "archive/x/DATA.PKL", unsafePickle)...), `"archive/x/DATA.PKL" imports os.system`},
		"protocol 0":                     {archiveOf(t, append(plain, "archive/x", "(S'id'\nios\nsystem\n.")...), `"archive/x" imports os.system`},
		"cut, of another name":           {archiveOf(t, append(plain, "archive/x", unsafePickle[:13])...), `"archive/x" imports os.system`},
		"a call, then no opcode":         {archiveOf(t, append(plain, "archive/x", "cos\nsystem\n(S'id'\ntR\xff")...), `"archive/x" imports os.system`},
		"one by STACK_GLOBAL":            {archiveOf(t, append(plain, "archive/x", "Vos\nVsystem\n\x93(S'id'\ntR\xff")...), `"archive/x" imports os.system`},
		"one by INST":                    {archiveOf(t, append(plain, "archive/x", "(S'id'\nios\nsystem\n\xff")...), `"archive/x" imports os.system`},
		"one by OBJ":                     {archiveOf(t, append(plain, "archive/x", "(cos\nsystem\nS'id'\no\xff")...), `"archive/x" imports os.system`},
		"one by NEWOBJ":                  {archiveOf(t, append(plain, "archive/x", "cx.y\nZ\n)\x81\xff")...), `"archive/x" imports x.y.Z`},
		"one in the second pickle":       {archiveOf(t, append(plain, "archive/x", "N.cos\nsystem\n(S'id'\ntR\xff")...), `"archive/x" imports os.system`},
		"one of protocol 0, said":        {archiveOf(t, append(plain, "archive/x", "\x80\x00cos\nsystem\n)R\xff")...), `"archive/x" imports os.system`},
		"a pickle before no pickle":      {archiveOf(t, append(plain, "archive/x", "cos\nsystem\n.\xff")...), `"archive/x" imports os.system`},
		"words":                          {archiveOf(t, append(plain, "archive/x", "cat\ndog\nmouse\n")...), ""},
		"numbers with an extension":      {archiveOf(t, append(plain, "archive/x", "\x82\x01.\xff")...), ""},
		"numbers with a name of numbers": {archiveOf(t, append(plain, "archive/x", "K\x01K\x02\x93)R.")...), ""},
		"an array of objects": {
			archiveOf(t, append(plain, "archive/x", npyEntry("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", unsafePickle))...),
			`"archive/x" has objects, which are pickled`,
		},
		"an array of numbers": {archiveOf(t, append(plain, "archive/x", npyEntry("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "1234"))...), ""},
		"in an archive in it": {archiveOf(t, append(plain, "archive/x.pt", deep)...), `"inner/weights" imports os.system`},
		"a program":           {archiveOf(t, append(plain, "archive/x.so", "\x7fELF\x02\x01")...), `"archive/x.so" is a program`},
		"an id that is no storage": {
			archiveOf(t, "archive/data.pkl", "\x80\x02U\x04fileQ."), `"archive/data.pkl" asks the program that loads it for an object`,
		},
		"TorchScript's classes without its archive": {archiveOf(t, "archive/data.pkl", "\x80\x02c__torch__\nNet\n."), `"archive/data.pkl" imports __torch__.Net`},
		"numbers that begin like a pickle":          {archiveOf(t, append(plain, "archive/data/0", "\x80\x02K\x01\xff\xff")...), ""},
		"text that begins like a pickle":            {archiveOf(t, append(plain, "archive/code.py", "class Net(Module):\n  x = 1\n")...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(details(t, "model.pt", c.file, formats.PyTorch), "; "); got != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
		})
	}
}

func TestTorchScriptIsKnownByItsConstants(t *testing.T) {
	t.Parallel()
	if got := details(t, "model.pt", scriptFile(t), formats.TorchScript); len(got) != 0 {
		t.Errorf("found %q", got)
	}
	reads := archiveOf(t, "net/data.pkl", unsafePickle, "net/constants.pkl", "\x80\x02).", "net/code/x.py", "x\n  y = torch.from_file(\"/etc/passwd\")\n")
	shouted := archiveOf(t, "net/data.pkl", "\x80\x02N.", "net/constants.pkl", "\x80\x02).", "net/code/X.PY", "x\n  y = torch.from_file(\"/etc/passwd\")\n")
	if got := details(t, "model.pt", shouted, formats.TorchScript); len(got) != 1 || got[0] != `"net/code/X.PY" calls from_file` {
		t.Errorf("found %q", got)
	}
	want := `"net/data.pkl" imports os.system; "net/code/x.py" calls from_file`
	if got := strings.Join(details(t, "model.pt", reads, formats.TorchScript), "; "); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

func TestAnExportedProgramIsRead(t *testing.T) {
	t.Parallel()
	saved := archiveOf(t, "archive/data.pkl", unsafePickle)
	file := archiveOf(t, "model/archive_format", "pt2", "model/models/model.json", "{}", "model/data/sample_inputs/model.pt", saved)
	if got := details(t, "model.pt2", file, formats.PT2); len(got) != 1 || got[0] != `"archive/data.pkl" imports os.system` {
		t.Errorf("found %q", got)
	}
}

func TestAnExportedProgramWithoutAFolderIsRead(t *testing.T) {
	t.Parallel()
	file := archiveOf(t, "serialized_exported_program.json", "{}", "serialized_state_dict.pt", archiveOf(t, "archive/data.pkl", unsafePickle), "version", "5.3")
	if got := details(t, "model.pt2", file, formats.PT2); len(got) != 1 || got[0] != `"archive/data.pkl" imports os.system` {
		t.Errorf("found %q", got)
	}
}

// behind returns an archive behind something, as a program that makes room for it writes both.
func behind(prefix, archive string) string {
	moved := []byte(prefix + archive)
	for at := len(prefix) + strings.Index(archive, "PK\x01\x02"); string(moved[at:at+4]) == "PK\x01\x02"; {
		offset := binary.LittleEndian.Uint32(moved[at+42:])
		binary.LittleEndian.PutUint32(moved[at+42:], offset+uint32(len(prefix)))
		at += 46 + int(binary.LittleEndian.Uint16(moved[at+28:])) + int(binary.LittleEndian.Uint16(moved[at+30:]))
	}
	directory := moved[len(moved)-22+16:]
	binary.LittleEndian.PutUint32(directory, binary.LittleEndian.Uint32(directory)+uint32(len(prefix)))
	return string(moved)
}

func TestAnArchiveBehindSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"of no format": behind("junk", zipOf(t, "x")), "of PyTorch": behind("junk", torchFile(t)), "behind zeros": behind("\x00\x00\x00\x00", zipOf(t, "a", "b")),
		"as it was": "junk" + zipOf(t, "x"),
	} {
		_, err := recogniseAs("w.bin", file)
		if codeOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnArchiveOnWhichReadersDifferIsRefused(t *testing.T) {
	t.Parallel()
	whole := torchFile(t)
	directory := strings.Index(whole, "PK\x01\x02")
	edit := func(at int, with string) string { return whole[:at] + with + whole[at+len(with):] }
	name := strings.Index(whole, "archive/data.pkl")
	second := directory + 1 + strings.Index(whole[directory+1:], "PK\x01\x02")
	for what, file := range map[string]string{
		"something before it":                 behind("#!/bin/sh\n", whole),
		"something before it, unmoved":        "junk" + whole,
		"something behind it":                 whole + "junk",
		"a cut":                               whole[:len(whole)-1],
		"another local name":                  edit(name, "archive/Data.pkl"),
		"another local method":                edit(8, "\x08"),
		"other flags":                         edit(6, "\x00"),
		"another CRC":                         edit(directory+16, "\x00\x00\x00\x00"),
		"a smaller size":                      edit(directory+20, "\x01\x00\x00\x00\x01\x00\x00\x00"),
		"a larger size":                       edit(directory+20, "\xff\x00\x00\x00\xff\x00\x00\x00"),
		"an endless size":                     edit(directory+20, "\xfe\xff\xff\xff\xfe\xff\xff\xff"),
		"a size of 64 bits that is not there": edit(directory+20, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		"an encrypted file":                   edit(directory+8, "\x09"),
		"another compression":                 edit(directory+10, "\x0e"),
		"two at one place":                    edit(second+42, "\x00\x00\x00\x00"),
		"a place beyond the file":             edit(second+42, "\xff\xff\xff\x7f"),
		"a content that changed":              edit(name+16, "\x80\x03"),
		"fewer files than there are":          edit(len(whole)-22+8, "\x02\x00\x02\x00"),
		"more files than there are":           edit(len(whole)-22+8, "\x04\x00\x04\x00"),
		"another number of files":             edit(len(whole)-22+8, "\x04\x00\x03\x00"),
		"a directory elsewhere":               edit(len(whole)-22+16, "\x00\x00\x00\x00"),
		"a directory beyond the file":         edit(len(whole)-22+16, "\xff\xff\xff\xff"),
		"an archive in parts":                 edit(len(whole)-22+4, "\x01\x00"),
		"a comment":                           edit(len(whole)-22+20, "\x01\x00") + "x",
		"a file twice":                        archiveOf(t, "archive/data.pkl", stateDict, "archive/data.pkl", unsafePickle),
		"a file outside":                      archiveOf(t, "archive/data.pkl", stateDict, "archive/../../x", ""),
		"an absolute name":                    archiveOf(t, "archive/data.pkl", stateDict, "/etc/passwd", ""),
		"a name with a control character":     archiveOf(t, "archive/data.pkl", stateDict, "archive/\x01", ""),
		"of two formats":                      archiveOf(t, "archive/data.pkl", stateDict, "schema.json", "{}"),
		"another folder":                      archiveOf(t, "archive/data.pkl", stateDict, "other/data.pkl", unsafePickle),
		"another folder that is first":        archiveOf(t, "other/data.pkl", unsafePickle, "archive/data.pkl", stateDict),
		"no folder":                           archiveOf(t, "version", "3\n", "archive/data.pkl", stateDict),
		"a pickle in another case":            archiveOf(t, "archive/DATA.PKL", stateDict),
		"constants in another case":           archiveOf(t, "archive/data.pkl", stateDict, "archive/CONSTANTS.PKL", "\x80\x02)."),
		"a program in another case":           archiveOf(t, "archive/data.pkl", stateDict, "archive/Archive_Format", "pt2"),
		"of PyTorch and torch.export":         archiveOf(t, "archive/data.pkl", stateDict, "archive/archive_format", "pt2"),
		"a name in two cases":                 archiveOf(t, "archive/data.pkl", stateDict, "archive/DATA.PKL", unsafePickle),
		"a name in two cases, in one in it":   archiveOf(t, "archive/data.pkl", stateDict, "archive/x.pt", archiveOf(t, "a/x", "", "a/X", "")),
		"TorchScript in two folders":          archiveOf(t, "net/CONSTANTS.PKL", "\x80\x02).", "other/data.pkl", stateDict),
		"a cut pickle in another case":        archiveOf(t, "archive/data.pkl", stateDict, "archive/x.PKL", "\x80\x02N"),
		"an empty pickle in another case":     archiveOf(t, "archive/data.pkl", stateDict, "archive/x.Pkl", ""),
		"a pickle that is an archive":         archiveOf(t, "archive/data.pkl", stateDict, "archive/x.pkl", archiveOf(t, "a/x", "")),
		"pickles that are cut":                archiveOf(t, "archive/data.pkl", stateDict, "archive/x", "N.\x80\x02N.N.\xff"),
		"a damaged array":                     archiveOf(t, "archive/data.pkl", stateDict, "archive/x", "\x93NUMPY\x01\x00\xff\x00{"),
		"an empty pickle":                     archiveOf(t, "archive/data.pkl", ""),
		"a damaged pickle":                    archiveOf(t, "archive/data.pkl", "\x80\x02N"),
		"a damaged archive in it":             archiveOf(t, "archive/data.pkl", stateDict, "archive/x", whole[:100]),
		"a compressed archive in it":          archiveBy(t, zip.Deflate, "archive/data.pkl", stateDict, "archive/x", whole),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.pt", []byte(file))
			var refusal *formats.Refusal
			if !errors.As(err, &refusal) || refusal.Code != formats.Malformed && refusal.Code != formats.Truncated {
				if what != "something before it, unmoved" || refusal == nil {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestEachCutOfAnArchiveIsRefused(t *testing.T) {
	t.Parallel()
	whole := torchFile(t)
	for n := 1; n < len(whole); n++ {
		if _, err := recogniseAs("model.pt", []byte(whole[:n])); err == nil {
			t.Errorf("the first %d of %d bytes are taken for the file", n, len(whole))
		}
	}
}

func TestWhatIsMuchLargerDecompressedIsRefused(t *testing.T) {
	t.Parallel()
	whole := archiveBy(t, zip.Deflate, "archive/data.pkl", stateDict)
	size := strings.Index(whole, "PK\x01\x02") + 24
	if _, err := recogniseAs("model.pt", []byte(whole[:size]+"\x00\x00\x00\x7f"+whole[size+4:])); err == nil {
		t.Error("2 GiB in a few bytes are taken")
	}
}

func TestArchivesInArchivesAreBounded(t *testing.T) {
	t.Parallel()
	file := archiveOf(t, "archive/data.pkl", stateDict)
	for range 10 {
		file = archiveOf(t, "archive/data.pkl", stateDict, "archive/x", file)
	}
	_, err := recogniseAs("model.pt", []byte(file))
	if err == nil {
		t.Error("archives ten deep are taken")
	}
}

func TestALargeArchiveIsRead(t *testing.T) {
	t.Parallel()
	const weights = 5 << 30
	sparse := wideArchive(stateDict, weights)
	m, err := formats.Recognise(sparse, sparse.size, formats.Claim{Path: "model.pt"})
	if err != nil || m.Format != formats.PyTorch || len(m.Tensors) != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	if sparse.read > 1<<20 {
		t.Errorf("%d bytes of an archive of 5 GiB were read", sparse.read)
	}
}
