package formats

import (
	"regexp"
	"strconv"
	"strings"
)

// lightgbm reads LightGBM's models: text in lines, where the header has the size of each tree in bytes (src/boosting/gbdt_model_text.cpp). What
// would make the library read outside of its arrays, or without end, is refused: it follows the indexes of trees unchecked.
type lightgbm struct{}

func (lightgbm) about() about {
	return about{
		format: LightGBM, name: "a LightGBM model", endings: []string{}, maxSize: 2 << 30, advice: "which would take too long to check",
	}
}

var lightgbmHead = regexp.MustCompile(`^tree\r?\nversion=v\d`)

func (lightgbm) recognises(f *file) (bool, error) {
	head, err := f.peek(0, 32)
	return lightgbmHead.Match(head), err
}

// maxLightgbmTrees bounds the trees of a model, whose sizes are held in memory.
const maxLightgbmTrees = 1 << 20

// lightgbmReading gathers what a model says; numbers are -1 as long as it has not been said.
type lightgbmReading struct {
	f   *file
	pos int64

	classes      int64
	perIteration int64
	lastFeature  int64
	names        int64 // of features
	infos        int64
	constraints  int64
	objective    []string
	boosting     string
	sizes        []int64 // of the trees, in bytes
	tree         lightgbmTree
}

func (lightgbm) read(f *file) (Model, error) {
	r := &lightgbmReading{f: f, classes: -1, perIteration: -1, lastFeature: -1, names: -1, infos: -1, constraints: -1}
	if err := r.header(); err != nil {
		return Model{}, err
	}
	if err := r.checkHeader(); err != nil {
		return Model{}, err
	}
	for i, size := range r.sizes {
		if err := r.readTree(i, size); err != nil {
			return Model{}, err
		}
	}
	if err := r.rest(); err != nil {
		return Model{}, err
	}
	m := newModel(LightGBM)
	m.Producer, m.Architecture, m.Trees = "lightgbm", r.boosting, int64(len(r.sizes))
	m.treeTensors("FP64", r.lastFeature+1, r.classes)
	return m, nil
}

// next returns the next byte and passes it; a file that ends is said to end with a line. It fails at a byte that the library takes for the end of
// the text, and at a carriage return, which the sizes of trees do not count.
func (r *lightgbmReading) next() (byte, error) {
	if r.pos >= r.f.size {
		r.pos++
		return '\n', nil
	}
	b, err := r.f.peek(r.pos, 1)
	if err != nil {
		return 0, err
	}
	if b[0] == 0 || b[0] == '\r' {
		return 0, malformed(r.pos, "has a character %q, which LightGBM writes nowhere", b[0])
	}
	r.pos++
	return b[0], nil
}

// key reads a line up to its equals sign or its end.
func (r *lightgbmReading) key() (key string, valued bool, err error) {
	const most = 128
	if r.pos >= r.f.size {
		return "", false, truncated(r.f.size, "a line begins", r.pos)
	}
	var text []byte
	for at := r.pos; ; {
		c, err := r.next()
		switch {
		case err != nil:
			return "", false, err
		case c == '=' || c == '\n':
			return string(text), c == '=', nil
		case len(text) == most:
			return "", false, malformed(at, "has a line that does not begin with a key of at most %d bytes", most)
		}
		text = append(text, c)
	}
}

// fields reads the rest of a line: fields with spaces between them. It counts them, and calls visit for each if that is not nil.
func (r *lightgbmReading) fields(visit func(field string) error) (n int64, err error) {
	var field []byte
	for length := int64(0); ; {
		c, err := r.next()
		switch {
		case err != nil:
			return 0, err
		case c != ' ' && c != '\n':
			if length++; visit == nil {
				continue
			}
			if length > maxName {
				return 0, malformed(r.pos-length, "has a field of more than %d bytes", maxName)
			}
			field = append(field, c)
			continue
		case length > 0 && visit != nil:
			if err := visit(string(field)); err != nil {
				return 0, err
			}
		}
		if length > 0 {
			n++
		}
		if c == '\n' {
			return n, nil
		}
		field, length = field[:0], 0
	}
}

// number reads the rest of a line as one integer from low to high. The library's own parser stops at the first other character.
func (r *lightgbmReading) number(into *int64, low, high int64) error {
	at := r.pos
	n, err := r.fields(func(field string) (err error) {
		*into, err = lightgbmInt(at, field, low, high)
		return err
	})
	if err == nil && n != 1 {
		return malformed(at, "has %d numbers where one has to be", n)
	}
	return err
}

func lightgbmInt(at int64, field string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil || n < low || n > high || strings.HasPrefix(field, "+") {
		return 0, malformed(at, "has %s where a whole number from %d to %d has to be", shorten(field), low, high)
	}
	return n, nil
}

// counted counts the fields in the rest of a line.
func (r *lightgbmReading) counted(into *int64) func() error {
	return func() (err error) {
		*into, err = r.fields(nil)
		return err
	}
}

// header reads the lines before the first tree.
func (r *lightgbmReading) header() error {
	read := map[string]func() error{
		"num_class":              func() error { return r.number(&r.classes, 1, maxGroups) },
		"num_tree_per_iteration": func() error { return r.number(&r.perIteration, 1, maxGroups) },
		"max_feature_idx":        func() error { return r.number(&r.lastFeature, 0, maxFeatures-1) },
		"feature_names":          r.counted(&r.names),
		"feature_infos":          r.counted(&r.infos),
		"monotone_constraints":   r.counted(&r.constraints),
		"objective":              r.objectiveLine,
		"tree_sizes":             r.treeSizes,
	}
	seen := map[string]bool{}
	for {
		at := r.pos
		key, valued, err := r.key()
		switch {
		case err != nil:
			return err
		case key == "" && !valued:
			continue
		case key == "Tree" || strings.HasPrefix(key, "end of"):
			r.pos = at
			return nil
		case seen[key]:
			return malformed(at, "has the line %s twice", shorten(key))
		case len(seen) == 64:
			return malformed(at, "has more than %d lines before its first tree", len(seen))
		}
		seen[key] = true
		if !valued {
			continue
		}
		known, ok := read[key]
		if !ok {
			known = r.counted(new(int64))
		}
		if err := known(); err != nil {
			return err
		}
	}
}

func (r *lightgbmReading) objectiveLine() error {
	at := r.pos
	_, err := r.fields(func(field string) error {
		if len(r.objective) == 16 {
			return malformed(at, "has an objective of more than 16 words")
		}
		r.objective = append(r.objective, field)
		return checkName(field, at)
	})
	return err
}

func (r *lightgbmReading) treeSizes() error {
	at := r.pos
	_, err := r.fields(func(field string) error {
		size, err := lightgbmInt(at, field, 1, r.f.size)
		if len(r.sizes) == maxLightgbmTrees {
			return tooComplex("has more than %d trees", maxLightgbmTrees)
		}
		r.sizes = append(r.sizes, size)
		return err
	})
	return err
}

// lightgbmSingle are the objectives that turn one number into one (src/objective). The library leaves more as they are, whatever was there.
var lightgbmSingle = map[string]bool{
	"regression": true, "regression_l1": true, "quantile": true, "huber": true, "fair": true, "poisson": true, "binary": true, "lambdarank": true,
	"rank_xendcg": true, "cross_entropy": true, "cross_entropy_lambda": true, "mape": true, "gamma": true, "tweedie": true,
}

func (r *lightgbmReading) checkHeader() error {
	features := r.lastFeature + 1
	objective := ""
	if len(r.objective) > 0 {
		objective = r.objective[0]
	}
	switch {
	case r.classes < 0:
		return malformed(r.pos, "has trees before its number of classes (num_class)")
	case features < 1:
		return malformed(r.pos, "has trees before its number of features (max_feature_idx)")
	case r.names != features, r.infos != features, r.constraints >= 0 && r.constraints != features:
		return malformed(r.pos, "has %d feature_names and %d feature_infos of %d features", max(r.names, 0), max(r.infos, 0), features)
	case r.perIteration >= 0 && r.perIteration != r.classes: // the library keeps so many results of a row, and writes the other number
		return malformed(r.pos, "has %d trees in each iteration for %d classes", r.perIteration, r.classes)
	case lightgbmSingle[objective] && r.classes != 1:
		return malformed(r.pos, "has %d classes, and an objective for one", r.classes)
	case len(r.sizes) == 0:
		return malformed(r.pos, "has no trees (tree_sizes)")
	case int64(len(r.sizes))%r.classes != 0:
		return malformed(r.pos, "has %d trees for %d classes", len(r.sizes), r.classes)
	}
	if objective != "multiclass" && objective != "multiclassova" {
		return nil
	}
	for _, word := range r.objective[1:] {
		if classes, ok := strings.CutPrefix(word, "num_class:"); ok && classes != strconv.FormatInt(r.classes, 10) {
			return malformed(r.pos, "has %d classes, and an objective for %s", r.classes, shorten(classes))
		}
	}
	return nil
}

// rest reads what follows the trees: importances and parameters of training, of which nothing but the kind of boosting is kept.
func (r *lightgbmReading) rest() error {
	for first := true; r.pos < r.f.size; {
		at := r.pos
		line, err := r.line()
		switch {
		case err != nil:
			return err
		case line == "":
			continue
		case first && strings.HasPrefix(line, "Tree"):
			return malformed(at, "has more trees than sizes of trees")
		}
		first = false
		if boosting, ok := strings.CutPrefix(line, "[boosting: "); ok {
			r.boosting = strings.TrimSuffix(boosting, "]")
			if err := checkName(r.boosting, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// line reads a line and returns how it begins.
func (r *lightgbmReading) line() (string, error) {
	var text []byte
	for {
		c, err := r.next()
		if err != nil || c == '\n' {
			return string(text), err
		}
		if len(text) < 64 {
			text = append(text, c)
		}
	}
}
