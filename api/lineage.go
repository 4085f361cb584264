package api

// Lineage tells where a version comes from. Each part may be empty.
type Lineage struct {
	Parent string `json:"parent,omitempty"` // the version that it was made from: "acme/fraud@1.3.0"
	Commit string `json:"commit,omitempty"` // of its source
	Data   string `json:"data,omitempty"`   // that it was trained on
	Run    string `json:"run,omitempty"`    // that trained it
}

const maxOrigin = 512

// Check fails with Invalid if Commit, Data or Run has more than 512 characters, or a control character other than tabs and line ends. It does not check
// Parent.
func (l Lineage) Check() error {
	for _, part := range []struct{ field, text string }{{"lineage.commit", l.Commit}, {"lineage.data", l.Data}, {"lineage.run", l.Run}} {
		if err := checkProse(part.field, []byte(part.text), maxOrigin); err != nil {
			return err
		}
	}
	return nil
}

// Ancestry is a version's lineage, that of the versions it came from, nearest first, and the versions that came from it. What belongs to models that
// the caller may not know of is left out, names and all.
type Ancestry struct {
	Version   string     `json:"version"`
	Lineage   Lineage    `json:"lineage"`
	Ancestors []Ancestor `json:"ancestors"` // 100 at most
	Children  []string   `json:"children"`  // 100 at most
}

// Ancestor is a version with its own lineage.
type Ancestor struct {
	Version string  `json:"version"`
	Lineage Lineage `json:"lineage"`
}
