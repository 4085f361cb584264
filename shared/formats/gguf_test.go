package formats_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

func u32(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }
func u64(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }

// ggufString returns a text with its length in front.
func ggufString(s string) string { return u64(uint64(len(s))) + s }

// ggufPair returns a pair of metadata; kind is the value's type.
func ggufPair(key string, kind uint32, value string) string {
	return ggufString(key) + u32(kind) + value
}

func ggufText(key, value string) string          { return ggufPair(key, 8, ggufString(value)) }
func ggufNumber(key string, value uint32) string { return ggufPair(key, 4, u32(value)) }

// ggufList returns a pair whose value is an array of count elements.
func ggufList(key string, kind uint32, count uint64, elements string) string {
	return ggufPair(key, 9, u32(kind)+u64(count)+elements)
}

func ggufTexts(key string, texts ...string) string {
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(ggufString(text))
	}
	return ggufList(key, 8, uint64(len(texts)), all.String())
}

func ggufTensor(name string, kind uint32, offset uint64, shape ...uint64) string {
	t := []byte(ggufString(name) + u32(uint32(len(shape))))
	for _, extent := range shape {
		t = binary.LittleEndian.AppendUint64(t, extent)
	}
	return string(t) + u32(kind) + u64(offset)
}

// ggufPairs returns the pairs of a model of an architecture, with more of them.
func ggufPairs(architecture string, more ...string) []string {
	return append([]string{ggufText("general.architecture", architecture)}, more...)
}

func ggufTensors(name string, kind uint32, offset uint64, shape ...uint64) []string {
	return []string{ggufTensor(name, kind, offset, shape...)}
}

// ggufOf returns a file with that many bytes of data, aligned to 32.
func ggufOf(pairs, tensors []string, data int) string {
	file := "GGUF" + u32(3) + u64(uint64(len(tensors))) + u64(uint64(len(pairs))) + strings.Join(pairs, "") + strings.Join(tensors, "")
	return file + strings.Repeat("\x00", (32-len(file)%32)%32) + strings.Repeat("d", data)
}

// tinyGGUF returns a model of one tensor.
func tinyGGUF() string { return ggufOf(ggufPairs("llama"), ggufTensors("w", 0, 0, 2), 8) }

// ggufVocabulary is one of three tokens.
var ggufVocabulary = []string{
	ggufTexts("tokenizer.ggml.tokens", "a", "<0x0A>", "<0x-1>"), ggufList("tokenizer.ggml.token_type", 5, 3, u32(1)+u32(6)+u32(1)),
	ggufList("tokenizer.ggml.scores", 6, 3, u32(0)+u32(0)+u32(0)),
}

func TestTheHeaderOfAGGUFFileIsRead(t *testing.T) {
	t.Parallel()
	pairs := append(ggufPairs("llama",
		ggufNumber("llama.context_length", 4096), ggufNumber("llama.block_count", 2), ggufNumber("general.file_type", 15),
		ggufNumber("general.alignment", 64), ggufText("general.author", "Ada"), ggufText("general.organization", "Analytical"),
		ggufText("tokenizer.chat_template", "{{ messages }}"), ggufPair("bool", 7, "\x01"), ggufPair("f64", 12, u64(0)),
		ggufList("empty", 8, 0, ""), ggufText("general.name", strings.Repeat("long\n", 40_000))), ggufVocabulary...)
	tensors := []string{ggufTensor("a.weight", 12, 0, 512, 2), ggufTensor("none", 1, 576, 0), ggufTensor("b", 30, 576), ggufTensor("c", 8, 640, 32)}
	file := "GGUF" + u32(2) + u64(4) + u64(uint64(len(pairs))) + strings.Join(pairs, "") + strings.Join(tensors, "")
	file += strings.Repeat("\x00", (64-len(file)%64)%64) + strings.Repeat("d", 674)

	m, err := recogniseAs("model.gguf", file)

	want := formats.Model{
		Format: formats.GGUF, Producer: "Ada", Architecture: "llama", Parameters: 1057, ContextLength: 4096, Quantization: "Q4_K_M", ChatTemplate: true,
		Inputs: []formats.TensorInfo{}, Outputs: []formats.TensorInfo{}, External: []formats.ExternalFile{}, Findings: []formats.Finding{},
		Tensors: []formats.TensorInfo{
			{Name: "a.weight", Datatype: "Q4_K", Shape: []int64{512, 2}}, {Name: "none", Datatype: "F16", Shape: []int64{0}},
			{Name: "b", Datatype: "BF16", Shape: []int64{}}, {Name: "c", Datatype: "Q8_0", Shape: []int64{32}},
		},
	}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("read\n%+v, %v, want\n%+v", m, err, want)
	}
}

func TestEachCutOfAGGUFFileIsRefused(t *testing.T) {
	t.Parallel()
	whole := ggufOf(ggufPairs("llama", ggufVocabulary...), ggufTensors("w", 0, 0, 2), 8)
	for n := 1; n < len(whole); n++ {
		if _, err := recogniseAs("model.gguf", whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for the file", n, len(whole))
		}
	}
}

func TestHostileGGUFFilesAreRefused(t *testing.T) {
	t.Parallel()
	const beyond = 1 << 63
	metadata := func(pairs ...string) string { return ggufOf(ggufPairs("llama", pairs...), nil, 0) }
	tensors := func(data int, tensors ...string) string { return ggufOf(ggufPairs("llama"), tensors, data) }
	head := func(version uint32, tensors, pairs uint64) string {
		return "GGUF" + u32(version) + u64(tensors) + u64(pairs)
	}
	for name, c := range map[string]struct {
		file  string
		words string
	}{
		"version 1":                  {head(1, 0, 0), "has version 1 of the format"},
		"big-endian":                 {"GGUF\x00\x00\x00\x03" + strings.Repeat("\x00", 16), "is big-endian"},
		"version 0":                  {head(0, 0, 0), "is big-endian"},
		"version 4":                  {head(4, 0, 0), "the version 4"},
		"2^63 tensors":               {head(3, beyond, 0), "9223372036854775808 tensors"},
		"2^64-1 tensors":             {head(3, math.MaxUint64, 0), "18446744073709551615 tensors"},
		"2^63 pairs":                 {head(3, 0, beyond), "9223372036854775808 pairs"},
		"more pairs than bytes":      {head(3, 0, 3) + strings.Repeat("\x00", 10), "3 pairs"},
		"a key of 2^63 bytes":        {head(3, 0, 1) + u64(beyond) + strings.Repeat("\x00", 40), "a key of"},
		"a key without text":         {metadata(ggufText("", "x")), "without a key"},
		"a key twice":                {metadata(ggufNumber("a", 1), ggufText("a", "")), `the key "a" twice`},
		"the architecture twice":     {metadata(ggufText("general.architecture", "bert")), `"general.architecture" twice`},
		"a key with a NUL":           {metadata(ggufText("a\x00b", "x")), "control character"},
		"a long key":                 {metadata(ggufText(strings.Repeat("k", 1025), "x")), "1025 bytes"},
		"a text of 2^63 bytes":       {metadata(ggufPair("a", 8, u64(beyond))), "a text of 9223372036854775808 bytes"},
		"a value of type 13":         {metadata(ggufPair("a", 13, "")), "type 13"},
		"an array of type 13":        {metadata(ggufList("a", 13, 0, "")), "type 13"},
		"an array of arrays":         {metadata(ggufList("a", 9, 1, u32(9)+u64(0))), "an array of arrays"},
		"an array of 2^63":           {metadata(ggufList("a", 0, beyond, "")), "9223372036854775808 values"},
		"an array too long for u64":  {metadata(ggufList("a", 10, math.MaxUint64/8+2, "12345678")), "values for the key"},
		"5124095576030431008 texts":  {metadata(ggufList("a", 8, 5124095576030431008, "")), "5124095576030431008 values"},
		"an array beyond the file":   {metadata(ggufList("a", 12, 20, strings.Repeat("x", 24))), "20 values for the key"},
		"a text in a list too long":  {metadata(ggufList("a", 8, 1, u64(1<<40))), "a text for the key"},
		"the alignment 0":            {metadata(ggufNumber("general.alignment", 0)), "the alignment 0"},
		"the alignment 12":           {metadata(ggufNumber("general.alignment", 12)), "the alignment 12"},
		"the alignment 4":            {metadata(ggufNumber("general.alignment", 4)), "the alignment 4"},
		"the alignment 2^31":         {metadata(ggufNumber("general.alignment", 1<<31)), "the alignment 2147483648"},
		"an alignment of 8 bytes":    {metadata(ggufPair("general.alignment", 10, u64(32))), "no uint32"},
		"an alignment of text":       {metadata(ggufText("general.alignment", "32")), "no whole number"},
		"a list of alignments":       {metadata(ggufList("general.alignment", 4, 1, u32(32))), "no whole number"},
		"a negative context length":  {metadata(ggufPair("llama.context_length", 5, u32(math.MaxUint32))), "a negative number"},
		"a context length of 2^63":   {metadata(ggufPair("llama.context_length", 10, u64(beyond))), "beyond 2^63"},
		"a context length of text":   {metadata(ggufText("llama.context_length", "4096")), "no whole number"},
		"no architecture":            {ggufOf([]string{ggufNumber("a", 1)}, nil, 0), "without general.architecture"},
		"an architecture of numbers": {ggufOf([]string{ggufNumber("general.architecture", 1)}, nil, 0), "no text for the key"},
		"a template of numbers":      {metadata(ggufNumber("tokenizer.chat_template", 1)), "no text for the key"},
		"a split without its number": {metadata(ggufPair("split.count", 2, "\x02\x00")), "does not say which"},
		"a split beyond its count":   {metadata(ggufPair("split.count", 2, "\x02\x00"), ggufPair("split.no", 2, "\x02\x00")), "does not say which"},
		"a tensor without a name":    {tensors(8, ggufTensor("", 0, 0, 2)), "without a name"},
		"a long name":                {tensors(8, ggufTensor(strings.Repeat("n", 64), 0, 0, 2)), "64 bytes; at most 63"},
		"a tensor twice":             {tensors(40, ggufTensor("w", 0, 0, 2), ggufTensor("w", 0, 32, 2)), `the tensor "w" twice`},
		"five dimensions":            {tensors(8, ggufTensor("w", 0, 0, 2, 1, 1, 1, 1)), "with 5 dimensions"},
		"2^31 dimensions":            {tensors(0, ggufString("w")+u32(1<<31)+strings.Repeat("\x00", 24)), "with 2147483648 dimensions"},
		"a negative extent":          {tensors(8, ggufTensor("w", 0, 0, math.MaxUint64)), "with the shape [-1]"},
		"a shape that overflows":     {tensors(8, ggufTensor("w", 0, 0, 1<<32, 1<<32, 4)), "with the shape"},
		"5124095576030431008":        {tensors(8, ggufTensor("w", 0, 0, 5124095576030431008, 9)), "with the shape"},
		"a removed type":             {tensors(8, ggufTensor("w", 4, 0, 2)), "type 4, which is not known"},
		"an unknown type":            {tensors(8, ggufTensor("w", math.MaxUint32, 0, 2)), "type 4294967295"},
		"a part of a block":          {tensors(144, ggufTensor("w", 12, 0, 128, 2)), "blocks of 256"},
		"a scalar of blocks":         {tensors(18, ggufTensor("w", 2, 0)), "1 elements in a row"},
		"an offset between":          {tensors(16, ggufTensor("w", 0, 8, 2)), "nothing may lie between"},
		"an offset of 2^63":          {tensors(16, ggufTensor("w", 0, beyond, 2)), "beyond the end of any file"},
		"an overlap":                 {tensors(16, ggufTensor("v", 0, 0, 2), ggufTensor("w", 0, 0, 2)), `"w" at 0, and not at 32`},
		"a gap":                      {tensors(80, ggufTensor("v", 0, 0, 2), ggufTensor("w", 0, 64, 2)), `"w" at 64, and not at 32`},
		"bytes behind the last":      {tensors(40, ggufTensor("w", 0, 0, 2)), "8 bytes that belong to no tensor"},
		"bytes without tensors":      {tensors(1), "1 bytes that belong to no tensor"},
		"tokens that are a text":     {metadata(ggufText("tokenizer.ggml.tokens", "a")), "no list of texts"},
		"more types than tokens":     {metadata(ggufVocabulary[0], ggufList("tokenizer.ggml.token_type", 5, 1, u32(1))), "1 values for the key"},
		"scores without tokens":      {metadata(ggufVocabulary[2]), "and 0 tokens"},
		"scores that are texts":      {metadata(ggufVocabulary[0], ggufTexts("tokenizer.ggml.scores", "1", "2", "3")), "another type of values"},
		"a byte that is none": {metadata(ggufVocabulary[0], ggufList("tokenizer.ggml.token_type", 5, 3, u32(6)+u32(6)+u32(6))),
			`the token "a", which is said to be a byte`},
		"the byte <0x-1>": {metadata(ggufVocabulary[0], ggufList("tokenizer.ggml.token_type", 5, 3, u32(1)+u32(6)+u32(6))),
			`the token "<0x-1>", which is said to be a byte`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.gguf", c.file)
			refusal, _ := errors.AsType[*formats.Refusal](err)
			if refusal == nil || refusal.Format != formats.GGUF || !strings.Contains(refusal.Detail, c.words) {
				t.Errorf("got %v; want %s", err, c.words)
			}
		})
	}
}

func TestGGUFFilesThatTakeMemoryOrTimeAreRefused(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat(u32(9)+u64(1), 100_000) + u32(0) + u64(0)
	assertRefusedAs(t, "model.gguf", ggufOf(ggufPairs("llama", ggufPair("a", 9, nested)), nil, 0), formats.Malformed, "an array of arrays")
	zeros := strings.Repeat("\x00", 2<<20)
	for words, file := range map[string]string{
		"1000000000 layers":           ggufOf(ggufPairs("llama", ggufNumber("llama.block_count", 1_000_000_000)), nil, 0),
		"513 layers":                  ggufOf(ggufPairs("bert", ggufPair("other.block_count", 10, u64(513))), nil, 0),
		"has 70000 pairs":             "GGUF" + u32(3) + u64(0) + u64(70_000) + zeros,
		"has 70000 tensors":           "GGUF" + u32(3) + u64(70_000) + u64(0) + zeros,
		"one of 1001 files":           ggufOf(ggufPairs("llama", ggufNumber("split.count", 1001), ggufNumber("split.no", 0)), nil, 0),
		"more than 256 keys":          ggufOf(ggufPairs("llama", ggufNumbers(300)...), nil, 0),
		"more than 4194304 texts in ": ggufOf(ggufPairs("llama", ggufList("a", 8, 1<<22+1, strings.Repeat("\x00", 8<<22+8))), nil, 0),
	} {
		assertRefusedAs(t, "model.gguf", file, formats.TooComplex, words)
	}
}

func ggufNumbers(n int) []string {
	pairs := make([]string, n)
	for i := range pairs {
		pairs[i] = ggufNumber(fmt.Sprint(i, ".context_length"), 1)
	}
	return pairs
}

func TestAGGUFFileWithoutAllOfItsDataIsTruncated(t *testing.T) {
	t.Parallel()
	for _, tensors := range [][]string{ggufTensors("w", 0, 0, 3), ggufTensors("w", 0, 0, 1<<40), {ggufTensor("w", 0, 0, 2), ggufTensor("v", 0, 32, 1)}} {
		assertRefusedAs(t, "w.bin", ggufOf(ggufPairs("llama"), tensors, 8), formats.Truncated, "truncated at byte")
	}
}

func TestAVocabularyOfManyTokensIsRead(t *testing.T) {
	t.Parallel()
	const tokens = 40_000 // more types than one read gives
	texts, types := make([]string, tokens), strings.Repeat(u32(1), tokens-1)
	for i := range texts {
		texts[i] = fmt.Sprintf("token%d", i)
	}
	file := func(last string) string {
		texts[tokens-1] = last
		return ggufOf(ggufPairs("llama", ggufList("tokenizer.ggml.token_type", 5, tokens, types+u32(6)), ggufTexts("tokenizer.ggml.tokens", texts...)), nil, 0)
	}

	m, err := recogniseAs("model.gguf", file("<0xfF>"))

	if err != nil || m.Format != formats.GGUF {
		t.Error(m.Format, err)
	}
	assertRefusedAs(t, "model.gguf", file("<0xfg>"), formats.Malformed, `the token "<0xfg>"`)
	assertRefusedAs(t, "model.gguf", file(""), formats.Malformed, `the token ""`)
}

func TestATemplateThatReachesPythonsObjectsIsAFinding(t *testing.T) {
	t.Parallel()
	breaks := "{{ ''.__class__.__mro__ }}"
	for name, c := range map[string]struct {
		key, template string
		want          int
	}{
		"none":               {"tokenizer.chat_template", "{{ messages }}__", 0},
		"at once":            {"tokenizer.chat_template", breaks, 1},
		"of another name":    {"tokenizer.chat_template.tool_use", breaks, 1},
		"across two windows": {"tokenizer.chat_template", strings.Repeat(" ", 64<<10-36) + breaks, 1},
	} {
		m, err := recogniseAs("model.gguf", ggufOf(ggufPairs("llama", ggufText(c.key, c.template)), nil, 0))
		if err != nil || len(m.Findings) != c.want || c.want > 0 && (m.Findings[0].Code != "unsafe_template" || !m.Findings[0].Unsafe) {
			t.Errorf("%s: %v, %v", name, m.Findings, err)
		}
	}
}

func TestAGGUFFileThatIsNoModelHasAFinding(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("lora.gguf", ggufOf(ggufPairs("llama", ggufText("general.type", "adapter")), nil, 0))
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Code != "no_model" {
		t.Errorf("%v, %v", m.Findings, err)
	}
}

func TestAFileOfASplitModelHasTheNameByWhichItIsFound(t *testing.T) {
	t.Parallel()
	first := ggufOf(ggufPairs("llama", ggufPair("split.no", 2, "\x00\x00"), ggufPair("split.count", 2, "\x03\x00")), nil, 0)
	second := ggufOf([]string{ggufPair("split.no", 2, "\x01\x00"), ggufPair("split.count", 2, "\x03\x00")}, ggufTensors("w", 0, 0, 2), 8)

	if _, err := recogniseAs("q4/m-00001-of-00003.gguf", first); err != nil {
		t.Errorf("the first: %v", err)
	}
	m, err := recogniseAs("q4/m-00002-of-00003.gguf", second)
	if err != nil || len(m.Tensors) != 1 {
		t.Errorf("the second: %v, %v", m.Tensors, err)
	}
	for _, path := range []ref.Path{"model.gguf", "m-00002-of-00003.gguf", "m-00001-of-00002.gguf", "m-1-of-3.gguf", "m-00001-of-00003.GGUF"} {
		assertRefusedAs(t, path, first, formats.UnsafeReference, "its name must end in -00001-of-00003.gguf")
	}
}
