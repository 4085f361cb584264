package formats_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// unknown is what a scan says of an import that it cannot follow.
const unknown = "imports what is only known when it is loaded"

const numbered = "imports an extension by its number, which is only known when it is loaded"

const notNumPy = "has a dtype that is not as numpy writes it"

// structureOf returns a dtype with one field and flags.
func structureOf(field, flags string) string {
	return "cnumpy\ndtype\nU\x02V8\x89\x88\x87R(K\x03U\x01|NU\x01a\x85}U\x01a" + field + "K\x00\x86sK\x08K\x01K" + flags + "tb"
}

// pickles are pickles written by hand, with the details of what is found in them; each finding is unsafe.
var pickles = map[string]struct {
	file string
	want []string
}{
	"protocol 0":                {"(dp0\nS'a'\np1\nI1\ns.", nil},
	"protocol 4":                {"\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00}\x94.", nil},
	"GLOBAL":                    {"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", []string{"imports os.system"}},
	"GLOBAL of protocol 0":      {"cos\nsystem\n(S'id'\ntR.", []string{"imports os.system"}},
	"GLOBAL of protocol 1":      {"cposix\nsystem\nq\x00U\x02id\x85R.", []string{"imports posix.system"}},
	"INST":                      {"(S'id'\nios\nsystem\n.", []string{"imports os.system"}},
	"OBJ":                       {"(cos\nsystem\nS'id'\no.", []string{"imports os.system"}},
	"STACK_GLOBAL":              {"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", []string{"imports os.system"}},
	"STACK_GLOBAL, BINUNICODE":  {"\x80\x04X\x02\x00\x00\x00os\x8d\x06\x00\x00\x00\x00\x00\x00\x00system\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, BINSTRING":   {"\x80\x04T\x02\x00\x00\x00osU\x06system\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, STRING":      {"\x80\x04S'os'\nS\"system\"\n\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, UNICODE":     {"\x80\x04Vos\nVsystem\n\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, escapes":     {"\x80\x04S'o\\x73'\nVs\\u0079stem\n\x93.", []string{unknown}},
	"STACK_GLOBAL, MEMOIZE":     {"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, BINPUT":      {"\x80\x04\x8c\x02osq\x07\x8c\x06systemr\x08\x00\x00\x000h\x07j\x08\x00\x00\x00\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, PUT and GET": {"\x80\x04\x8c\x02osp7\n0\x8c\x06systemp7000\n0g7\ng7000\n\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, a memo that is overwritten": {
		"\x80\x04\x8c\x0bcollectionsq\x000\x8c\x02osq\x000h\x00\x8c\x06system\x93.", []string{"imports os.system"},
	},
	"STACK_GLOBAL, MEMOIZE after PUT": {"\x80\x04Nq\x09\x8c\x02os\x940h\x01\x8c\x06system\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, DUP":               {"\x80\x04\x8c\x02os2\x93.", []string{"imports os.os"}},
	"STACK_GLOBAL, POP":               {"\x80\x04\x8c\x02os\x8c\x06systemN0(0\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, POP_MARK":          {"\x80\x04\x8c\x02os\x8c\x06system(NN1\x93.", []string{"imports os.system"}},
	"STACK_GLOBAL, a name that is made": {
		"\x80\x02c_codecs\nencode\nX\x02\x00\x00\x00os\x85RX\x06\x00\x00\x00system\x93.", []string{unknown},
	},
	"STACK_GLOBAL, a long name":           {"\x80\x04X\x00\x08\x00\x00" + strings.Repeat("o", 2048) + "\x8c\x01x\x93.", []string{unknown}},
	"a name with dots":                    {"\x80\x04\x8c\x02os\x8c\x0fsystem.__call__\x93.", []string{"imports os.system.__call__"}},
	"a harmless class with dots":          {"\x80\x04\x8c\x0bcollections\x8c\x10OrderedDict.copy\x93.", []string{"imports collections.OrderedDict.copy"}},
	"a module by its parent":              {"\x80\x04\x8c\x05numpy\x8c\x09load.real\x93.", []string{"imports numpy.load.real"}},
	"a name with a quote":                 {"\x80\x04\x8c\x02os\x8c\x02\"\n\x93.", []string{`imports os."\"\n"`}},
	"EXT1":                                {"\x80\x02\x82\x01)R.", []string{numbered}},
	"EXT2":                                {"\x80\x02\x83\x01\x01)R.", []string{numbered}},
	"EXT4":                                {"\x80\x02\x84\x01\x00\x00\x00)R.", []string{numbered}},
	"NEWOBJ":                              {"\x80\x02csubprocess\nPopen\n)\x81.", []string{"imports subprocess.Popen"}},
	"NEWOBJ_EX":                           {"\x80\x04csubprocess\nPopen\n)}\x92.", []string{"imports subprocess.Popen"}},
	"a call of what a call returned":      {"\x80\x02cbuiltins\nlist\n)R)R.", []string{"calls something that is only known when it is loaded"}},
	"an object of such a class":           {"\x80\x02cbuiltins\nlist\n)R)\x81.", []string{"calls something that is only known when it is loaded"}},
	"OBJ of such a class":                 {"(]o.", []string{"calls something that is only known when it is loaded"}},
	"BUILD of a class":                    {"\x80\x02cnumpy\nndarray\nN}U\x01Tccollections\nCounter\ns\x86b.", []string{"changes numpy.ndarray"}},
	"a booster":                           {"\x80\x02cxgboost.core\nBooster\n)\x81}U\x06handleC\x01xsb.", nil},
	"a booster of a file":                 {"cxgboost.core\nBooster\n(NNS'/x'\ntR.", []string{"calls xgboost.core.Booster, which may read a file"}},
	"a dtype":                             {"\x80\x02" + float64Type + ".", nil},
	"objects that are said to be numbers": {"\x80\x02" + strings.Replace(objectType, "K\x3ftb", "K\x00tb", 1) + ".", []string{notNumPy}},
	"a dtype that is shared":              {"\x80\x02" + strings.Replace(objectType, "\x89\x88\x87R", "\x89\x89\x87R", 1) + ".", []string{notNumPy}},
	"a structure that hides objects":      {"\x80\x02" + structureOf(objectType, "\x10") + ".", []string{notNumPy}},
	"a structure of objects":              {"\x80\x02" + structureOf(objectType, "\x1b") + ".", nil},
	"a structure of numbers":              {"\x80\x02" + structureOf(float64Type, "\x10") + ".", nil},
	"a dtype by NEWOBJ":                   {"\x80\x02cnumpy\ndtype\nU\x02O8\x85\x81.", []string{notNumPy}},
	"a dtype by OBJ":                      {"(cnumpy\ndtype\nU\x02O8o.", []string{notNumPy}},
	"a dtype by INST":                     {"(U\x02O8inumpy\ndtype\n.", []string{notNumPy}},
	"a dtype by another function":         {"ccopy_reg\n_reconstructor\n(cnumpy\ndtype\ncnumpy\ndtype\nU\x02O8tR.", []string{notNumPy}},
	"PERSID":                              {"Pfile\n.", []string{"asks the program that loads it for an object"}},
	"BINPERSID":                           {"\x80\x02U\x04fileQ.", []string{"asks the program that loads it for an object"}},
	"a second pickle":                     {"\x80\x02N.\x80\x02cos\nsystem\n.", []string{"imports os.system"}},
	"a third one of protocol 0":           {"\x80\x02N.\x80\x02N.cos\nsystem\n.", []string{"imports os.system"}},
	"a second pickle with two memos": { // whether the memo is new tells whether os or collections is imported
		"\x80\x04\x8c\x02os\x94.\x80\x04\x8c\x0bcollections\x94h\x00\x8c\x0bOrderedDict\x93.", []string{unknown},
	},
	"a memo of the pickle before": {"\x80\x04\x8c\x02os\x94.\x80\x04h\x00\x8c\x06system\x93.", []string{unknown}},
	"getattr":                     {"\x80\x02c__builtin__\ngetattr\n.", []string{"imports __builtin__.getattr"}},
	"functions that open files or import": {
		"\x80\x02cnumpy\nload\n0cnumpy.core\n_ufunc_reconstruct\n0cjoblib\nload\n0ctorch\nload\n0cjoblib.numpy_pickle\nNDArrayWrapper\n.",
		[]string{
			"imports numpy.load", "imports numpy.core._ufunc_reconstruct", "imports joblib.load", "imports torch.load",
			"imports joblib.numpy_pickle.NDArrayWrapper",
		},
	},
	"functions that call": {
		"cfunctools\npartial\n0coperator\nattrgetter\n0ccodecs\ndecode\n0cbuiltins\nmap\n0cbuiltins\ntype\n.",
		[]string{"imports functools.partial", "imports operator.attrgetter", "imports codecs.decode", "imports builtins.map", "imports builtins.type"},
	},
	"what is harmless": {
		"\x80\x02ccollections\nOrderedDict\n)Rc__builtin__\nset\n]\x85Rc_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R\x87.", nil,
	},
}

func TestWhatAPickleImportsIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range pickles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := recogniseAs("model.pkl", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, f := range m.Findings {
				got = append(got, f.Detail)
				if !f.Unsafe || f.Offset >= int64(len(c.file)) {
					t.Errorf("found %+v", f)
				}
			}
			if m.Format != formats.Pickle || strings.Join(got, "; ") != strings.Join(c.want, "; ") {
				t.Errorf("%s with %q, want %q", m.Format, got, c.want)
			}
		})
	}
}

func TestTheOffsetOfAFindingIsItsOpcode(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("model.pkl", []byte("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."))
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Offset != 14 || m.Findings[0].Code != "import" {
		t.Errorf("found %+v, %v", m.Findings, err)
	}
}

func TestAPickleThatCannotBeFollowedIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want formats.Code
	}{
		"no STOP":                     {"\x80\x02N", formats.Truncated},
		"a call before what is none":  {"\x80\x02cos\nsystem\nU\x02id\x85R\xff\xff", formats.Malformed},
		"zeros behind it":             {"\x80\x02N.\x00\x00", formats.Malformed},
		"a cut pickle behind it":      {"\x80\x02N.\x80\x02", formats.Truncated},
		"nothing to return":           {"\x80\x02.", formats.Malformed},
		"an import of a number":       {"\x80\x04K\x01\x8c\x06system\x93.", formats.Malformed},
		"an import of nothing":        {"\x80\x04\x8c\x02osN\x93.", formats.Malformed},
		"a call without arguments":    {"\x80\x02NR.", formats.Malformed},
		"a value below a MARK":        {"\x80\x02N(\x85.", formats.Malformed},
		"a tuple without a MARK":      {"\x80\x02Nt.", formats.Malformed},
		"a memo that has nothing":     {"\x80\x02h\x00.", formats.Malformed},
		"a memo with a negative":      {"\x80\x02Np-1\n.", formats.Malformed},
		"a memo with a word":          {"\x80\x02Np1_0\n.", formats.Malformed},
		"an endless memo":             {"\x80\x02Nr\xff\xff\xff\xff.", formats.TooComplex},
		"protocol 6":                  {"\x80\x02\x80\x06N.", formats.Malformed},
		"an endless string":           {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffos.", formats.Malformed},
		"a string beyond the file":    {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fos.", formats.Truncated},
		"bytes beyond the file":       {"\x80\x04B\xff\xff\xff\xff.", formats.Truncated},
		"a negative length":           {"\x80\x02T\xff\xff\xff\xffN.", formats.Malformed},
		"a negative integer's length": {"\x80\x02\x8b\xff\xff\xff\xffN.", formats.Malformed},
		"a string without quotes":     {"\x80\x02Sid\n.", formats.Malformed},
		"a frame beyond the file":     {"\x80\x04\x95\xff\xff\xff\x7f\x00\x00\x00\x00N.", formats.Malformed},
		"a frame that ends in a word": {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00\x8c\x02os.", formats.Malformed},
		"a frame in a frame":          {"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", formats.Malformed},
		"an endless frame":            {"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", formats.Malformed},
		"a buffer outside":            {"\x80\x05\x97.", formats.Malformed},
		"an import without a name":    {"\x80\x02c\nsystem\n.", formats.Malformed},
		"an import that goes on":      {"\x80\x02cos\n" + strings.Repeat("s", 100_000), formats.Truncated},
		"a long import":               {"\x80\x02cos\n" + strings.Repeat("s", 100_000) + "\n.", formats.Malformed},
		"extension 0":                 {"\x80\x02\x82\x00.", formats.Malformed},
		"a key without a value":       {"\x80\x02}(Nu.", formats.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.pkl", []byte(c.file))
			var refusal *formats.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDataThatRunsCodeWhenItIsUnpickledIsRefused(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]formats.Code{
		"N0cos\nsystem\n(S'id'\ntR\xff": formats.RunsCode,
		"(S'id'\nios\nsystem\n\xff":     formats.RunsCode,
		"N.cos\nsystem\n)R\xff":         formats.RunsCode,
		"Vos\nVsystem\n\x93)R\xff":      formats.RunsCode,
		"cat\ndog\nmouse\n":             "",
		"class Net(Module):\n  x\n)R":   "",
		"\x82\x01)R\xff":                "",
	} {
		if m, err := recogniseAs("pytorch_model.bin", file); codeOf(err) != want || want == "" && m.Format != formats.Data {
			t.Errorf("%q: %s, %v", file, m.Format, err)
		}
	}
}

func TestEachCutOfAPickleIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iris.pkl", "iris.joblib"} {
		whole := fixture(t, name)
		for n := 1; n < len(whole); n++ {
			if _, err := recogniseAs(name, whole[:n]); err == nil {
				t.Errorf("the first %d of %d bytes of %s are taken for it", n, len(whole), name)
			}
		}
	}
}

func TestAModelOfScikitLearnIsRead(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]formats.Format{"iris.pkl": formats.Pickle, "iris.joblib": formats.Joblib} {
		m, err := recogniseAs(name, fixture(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if m.Format != format || m.Architecture != "Pipeline" || m.Producer != "scikit-learn" || m.ProducerVersion != "1.9.1" || len(m.Findings) != 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestThousandsOfImportsAreOneFindingMore(t *testing.T) {
	t.Parallel()
	file := bytes.NewBufferString("\x80\x02")
	for i := range 3000 {
		fmt.Fprintf(file, "cevil%d\nrun\n0", i)
	}
	file.WriteString("N.")
	m, err := recogniseAs("model.pkl", file.Bytes())
	if err != nil || len(m.Findings) != 257 || m.Findings[256].Code != "more" || !m.Findings[256].Unsafe {
		t.Errorf("%d findings, %v", len(m.Findings), err)
	}
}

func TestManyValuesTakeLittleMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opcode string
		want   formats.Code
	}{
		"a stack of strings":     {"X\x00\x04\x00\x00" + strings.Repeat("s", 1024), ""},
		"a stack of values":      {"N", formats.TooComplex},
		"a stack of marks":       {"(", formats.TooComplex},
		"a memo of strings":      {"X\x00\x04\x00\x00" + strings.Repeat("s", 1024) + "\x940", ""},
		"dictionaries in tuples": {"}\x94X\x01\x00\x00\x00k\x85\x94", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size = 8 << 20
			file := "\x80\x04" + strings.Repeat(c.opcode, size/len(c.opcode)) + "N."
			_, err := recogniseAs("model.pkl", []byte(file))
			var refusal *formats.Refusal
			if c.want != "" && (!errors.As(err, &refusal) || refusal.Code != c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAnImportBehindManyValuesIsFound(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("X\x00\x04\x00\x00"+strings.Repeat("s", 1024)+"\x940", 20_000)
	forgotten := "\x80\x04\x8c\x02os\x940" + words + "h\x00\x8c\x06system\x93."
	m, err := recogniseAs("model.pkl", []byte(forgotten))
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Detail != unknown {
		t.Errorf("found %+v, %v", m.Findings, err)
	}
	known := "\x80\x04\x8c\x0bcollections\x940" + words + "h\x00\x8c\x0bOrderedDict\x93."
	if m, err := recogniseAs("model.pkl", []byte(known)); err != nil || len(m.Findings) != 0 {
		t.Errorf("found %+v, %v", m.Findings, err)
	}
}

func TestTheBytesOfALargePickleAreNotRead(t *testing.T) {
	t.Parallel()
	const data = 10 << 30
	head := binary.LittleEndian.AppendUint64([]byte("\x80\x04\x8e"), data)
	tail := []byte("cos\nsystem\n\x86.")
	sparse := &holed{head: head, tail: tail, size: int64(len(head)+len(tail)) + data}
	m, err := formats.Recognise(sparse, sparse.size, formats.Claim{Path: "model.pkl"})
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Offset != int64(len(head))+data {
		t.Fatalf("found %+v, %v", m.Findings, err)
	}
	if sparse.read > 1<<20 {
		t.Errorf("%d bytes of a pickle of 10 GiB were read", sparse.read)
	}
}
