package formats

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"
)

// The keys of metadata that are read (gguf.md, Standardized key-value pairs; llama.cpp's llama-arch.cpp and llama-vocab.cpp).
const (
	ggufArchitecture = "general.architecture"
	ggufTokens       = "tokenizer.ggml.tokens"     //nolint:gosec // no credential
	ggufTokenTypes   = "tokenizer.ggml.token_type" //nolint:gosec // no credential
	ggufScores       = "tokenizer.ggml.scores"
	ggufTemplate     = "tokenizer.chat_template" // and, after a dot, the names of more
	ggufContext      = ".context_length"         // after the architecture
	ggufBlocks       = ".block_count"            // after the architecture
	ggufMaxBlocks    = 512                       // llama-hparams.h, LLAMA_MAX_LAYERS
	ggufMaxValues    = 256                       // that are needed
)

// ggufValue is where a metadata value lies: a text's bytes, an array's first element.
type ggufValue struct {
	kind  uint32 // of an array: of its elements
	list  bool
	at    int64
	count int64 // elements of an array, bytes of a text
}

// metadata reads pairs of a key and a value.
func (r *ggufReading) metadata(pairs int64) error {
	keys := newTextSet()
	for range pairs {
		at := r.at
		key, err := r.text("a key", maxName)
		switch {
		case err != nil:
			return err
		case key == "":
			return malformed(at, "has metadata without a key")
		case !keys.add(key):
			return malformed(at, "has the key %s twice", shorten(key))
		}
		value, err := r.value(key)
		if err != nil {
			return err
		}
		if !ggufNeeded(key) {
			continue
		}
		if len(r.values) == ggufMaxValues {
			return tooComplex("has more than %d keys of the tokenizer and of sizes", ggufMaxValues)
		}
		r.values[key] = value
	}
	return nil
}

// ggufNeeded reports whether the value of a key is looked at.
func ggufNeeded(key string) bool {
	switch key {
	case ggufArchitecture, ggufTokens, ggufTokenTypes, ggufScores, "general.alignment", "general.file_type", "general.type", "general.author",
		"general.organization", "split.no", "split.count":
		return true
	}
	return strings.HasPrefix(key, ggufTemplate) || strings.HasSuffix(key, ggufContext) || strings.HasSuffix(key, ggufBlocks)
}

// value passes over a value. Arrays of arrays are refused, as llama.cpp does: other readers take memory for them that no file's size bounds.
func (r *ggufReading) value(key string) (ggufValue, error) {
	at := r.at
	kind, err := r.uint32("the type of the value of " + shorten(key))
	if err != nil {
		return ggufValue{}, err
	}
	found := ggufValue{kind: kind, at: r.at, count: 1}
	if found.list = kind == ggufArray; found.list {
		if found, err = r.array(key); err != nil {
			return ggufValue{}, err
		}
	}
	switch {
	case found.kind >= uint32(len(ggufSizes)):
		return ggufValue{}, malformed(at, "has a value of type %d for the key %s; types from 0 to 12 are known", found.kind, shorten(key))
	case found.kind == ggufArray:
		return ggufValue{}, malformed(at, "has an array of arrays for the key %s, which GGUF readers do not take", shorten(key))
	case found.kind == ggufString && found.list:
		return found, r.skipTexts(key, found.count)
	case found.kind == ggufString:
		found.count, err = r.length("a text")
		found.at = r.at
		r.at += found.count
		return found, err
	}
	if found.count > (r.size-r.at)/ggufSizes[found.kind] {
		return ggufValue{}, truncated(r.size, fmt.Sprintf("%d values for the key %s begin", found.count, shorten(key)), r.at)
	}
	r.at += found.count * ggufSizes[found.kind]
	return found, nil
}

// array reads the head of an array.
func (r *ggufReading) array(key string) (ggufValue, error) {
	kind, err := r.uint32("the type of the values of " + shorten(key))
	if err != nil {
		return ggufValue{}, err
	}
	at := r.at
	count, err := r.uint64("the number of the values of " + shorten(key))
	if err == nil && (count > ggufMaxArray || signed(count) > r.size-r.at) { // each takes a byte at least
		err = malformed(at, "says that it has %d values for the key %s, more than there are bytes", count, shorten(key))
	}
	return ggufValue{kind: kind, list: true, at: r.at, count: signed(count)}, err
}

// skipTexts passes over the texts of an array.
func (r *ggufReading) skipTexts(key string, count int64) error {
	for range count {
		if r.texts++; r.texts > ggufMaxTexts {
			return tooComplex("has more than %d texts in arrays, the last ones for the key %s", ggufMaxTexts, shorten(key))
		}
		length, err := r.length("a text for the key " + shorten(key))
		if err != nil {
			return err
		}
		r.at += length
	}
	return nil
}

// describe reads the values that are needed, and leaves r.at where it is.
func (r *ggufReading) describe() error {
	defer func(at int64) { r.at = at }(r.at)
	for _, step := range []func() error{r.alignments, r.split, r.general, r.sizes, r.vocabulary, r.templates} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// integer reads a whole number from 0 on; ok is false where there is none for the key. It fails if the value is another one.
func (r *ggufReading) integer(key string) (n int64, ok bool, err error) {
	value, ok := r.values[key]
	if !ok {
		return 0, false, nil
	}
	isInteger := value.kind < ggufFloat32 || value.kind == ggufUint64 || value.kind == ggufInt64
	if value.list || !isInteger {
		return 0, false, malformed(value.at, "has no whole number for the key %s", shorten(key))
	}
	size := ggufSizes[value.kind]
	b, err := r.peek(value.at, int(size))
	if err != nil {
		return 0, false, err
	}
	var wide [8]byte
	copy(wide[:], b)
	n = signed(binary.LittleEndian.Uint64(wide[:]))
	isSigned := value.kind == ggufInt8 || value.kind == ggufInt16 || value.kind == ggufInt32
	if n < 0 || isSigned && n>>(8*size-1) == 1 {
		return 0, false, malformed(value.at, "has a negative number, or one beyond 2^63, for the key %s", shorten(key))
	}
	return n, true, nil
}

// name reads a text that can be shown, "" where there is none for the key. It fails if the value is another one.
func (r *ggufReading) name(key string) (string, error) {
	value, ok := r.values[key]
	switch {
	case !ok:
		return "", nil
	case value.list || value.kind != ggufString:
		return "", malformed(value.at, "has no text for the key %s", shorten(key))
	}
	return r.string(message{value.at, value.at + value.count})
}

// alignments reads the alignment (gguf.md: a multiple of 8; gguf.cpp: a power of two, and of the type uint32).
func (r *ggufReading) alignments() error {
	const key = "general.alignment"
	alignment, ok, err := r.integer(key)
	switch {
	case err != nil || !ok:
		return err
	case r.values[key].kind != ggufUint32:
		return malformed(r.values[key].at, "has an alignment that is no uint32")
	case alignment < 8 || alignment > ggufMaxAlign || bits.OnesCount64(uint64(alignment)) != 1:
		return malformed(r.values[key].at, "has the alignment %d; a power of two from 8 to %d is allowed", alignment, ggufMaxAlign)
	}
	r.alignment = alignment
	return nil
}

// split reads which of several files of a model this one is (llama.cpp, tools/gguf-split). It fails if the file does not have the name by which it is
// found: llama.cpp is given the first file, and finds the others by their names. Arrange names them.
func (r *ggufReading) split() error {
	count, _, err := r.integer("split.count")
	if err != nil || count <= 1 {
		return err
	}
	no, ok, err := r.integer("split.no")
	switch {
	case err != nil:
		return err
	case !ok || no >= count:
		return malformed(r.values["split.count"].at, "is one of %d files, and does not say which of them", count)
	case count > maxExternal:
		return tooComplex("is one of %d files; at most %d are allowed", count, maxExternal)
	}
	r.later = no > 0
	ending := shardEnding(no+1, count)
	if !strings.HasSuffix(string(r.path), ending) {
		return &Refusal{UnsafeReference, GGUF, fmt.Sprintf("this GGUF file is file %d of %d of a model that was split; its name must end in %s, "+
			"by which the files are found: keep the names that they had, or join the files with llama-gguf-split --merge", no+1, count, ending)}
	}
	return nil
}

// general reads what the model is.
func (r *ggufReading) general() (err error) {
	m := &r.model
	if m.Architecture, err = r.name(ggufArchitecture); err != nil {
		return err
	}
	if m.Architecture == "" && !r.later { // of several files the first one alone has it
		return malformed(r.at, "ends its metadata without general.architecture")
	}
	if m.Producer, err = r.producer(); err != nil {
		return err
	}
	const guessed = 1024 // llama.h, LLAMA_FTYPE_GUESSED
	kind, ok, err := r.integer("general.file_type")
	if ok {
		m.Quantization = ggufFileTypes[kind&^guessed]
	}
	if err != nil {
		return err
	}
	if kind, err := r.name("general.type"); err != nil {
		return err
	} else if kind != "" && kind != "model" {
		m.Findings = append(m.Findings, Finding{
			Code: "no_model", Detail: "the file says that it is no model but " + shorten(kind) + ", which no runtime serves alone",
			Offset: r.values["general.type"].at,
		})
	}
	return nil
}

// producer returns the author, else the organization; "" where there is neither, or what there is cannot be shown: it is free text.
func (r *ggufReading) producer() (string, error) {
	for _, key := range []string{"general.author", "general.organization"} {
		producer, err := r.name(key)
		if _, refused := errors.AsType[*Refusal](err); err != nil && !refused {
			return "", err
		}
		if err == nil && producer != "" {
			return producer, nil
		}
	}
	return "", nil
}

// sizes reads the context length, and makes sure that the number of layers is one that llama.cpp takes: it makes room for them first.
func (r *ggufReading) sizes() (err error) {
	if r.model.ContextLength, _, err = r.integer(r.model.Architecture + ggufContext); err != nil {
		return err
	}
	for key, value := range r.values {
		if !strings.HasSuffix(key, ggufBlocks) || value.list {
			continue
		}
		layers, _, err := r.integer(key)
		if err != nil {
			return err
		}
		if layers > ggufMaxBlocks {
			return tooComplex("says that it has %d layers; at most %d are allowed", layers, ggufMaxBlocks)
		}
	}
	return nil
}

// templates looks for a chat template, and in it for what breaks out of the language that it is written in.
func (r *ggufReading) templates() error {
	for key, value := range r.values {
		if !strings.HasPrefix(key, ggufTemplate) || value.list {
			continue
		}
		if value.kind != ggufString {
			return malformed(value.at, "has no text for the key %s", shorten(key))
		}
		r.model.ChatTemplate = r.model.ChatTemplate || key == ggufTemplate
		if err := r.template(key, value); err != nil {
			return err
		}
	}
	slices.SortFunc(r.model.Findings, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
	return nil
}

// ggufBreakout are names by which a Jinja template reaches Python's objects (CVE-2024-34359).
var ggufBreakout = regexp.MustCompile(`__(class|globals|builtins|subclasses|mro|bases?|import|init|getattribute|dict|code)__`)

// template looks through a chat template and adds a finding for the first name in it that no template needs.
func (r *ggufReading) template(key string, value ggufValue) error {
	const overlap = 32 // bytes: longer than any of the names
	end := value.at + value.count
	for at := value.at; at < end; at += windowSize - overlap {
		b, err := r.peek(at, int(min(windowSize, end-at)))
		if err != nil {
			return err
		}
		if found := ggufBreakout.FindIndex(b); found != nil {
			r.model.Findings = append(r.model.Findings, Finding{
				Code: "unsafe_template", Unsafe: true, Offset: at + int64(found[0]),
				Detail: fmt.Sprintf("the template %s uses %s, by which a template can reach Python's objects", shorten(key), b[found[0]:found[1]]),
			})
			return nil
		}
	}
	return nil
}
