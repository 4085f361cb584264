package formats

import (
	"fmt"
	"path"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// ggufSplit says which of several GGUF files of one model a file is; the count is 0 if it is the only one.
type ggufSplit struct{ no, count int64 }

// suffix returns how the name of a file ends (llama.cpp, llama_split_path). Files are numbered from 0 on, their names from 1 on.
func (s ggufSplit) suffix(no int64) string { return fmt.Sprintf("-%05d-of-%05d.gguf", no+1, s.count) }

// nameOthers adds the other files of a model that was split to those that hold the weights of its first file. llama.cpp is given the first one, and
// finds the others by their names. It fails with a *Refusal if the file at the path does not have the name by which it is found.
func (m *Model) nameOthers(at ref.Path) error {
	s := m.split
	if s.count == 0 {
		return nil
	}
	prefix, ok := strings.CutSuffix(path.Base(string(at)), s.suffix(s.no))
	if !ok {
		return &Refusal{UnsafeReference, m.Format, fmt.Sprintf("this GGUF file is file %d of %d of a model that was split; its name must end in %s, "+
			"by which the files are found: keep the names that they had, or join the files with llama-gguf-split --merge", s.no+1, s.count, s.suffix(s.no))}
	}
	for no := int64(1); s.no == 0 && no < s.count; no++ {
		m.External = append(m.External, ExternalFile{Path: ref.Path(prefix + s.suffix(no)), Size: 1})
	}
	return nil
}
