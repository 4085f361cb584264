package formats

import (
	"math"
	"strconv"
)

// lightgbmTree is the tree that is being read. Its space is used again for the next one.
type lightgbmTree struct {
	leaves, cats, linear int64
	left, right          []int32 // children: nodes, or negative for leaves
	kinds                []int32 // decision_type
	categories           []int32 // threshold where it is the number of a set of categories, else -1
	counts               map[string]int64
	lastBoundary         int64 // of the sets of categories
	leafFeatures         int64 // of linear trees, as num_features adds them up
}

// The lists of a tree (src/io/tree.cpp, Tree::Tree) with an element for each split, and for each leaf. Those that are not used to predict may be
// empty or missing.
var (
	lightgbmSplits   = []string{"split_feature", "threshold", "left_child", "right_child"}
	lightgbmOptional = []string{"decision_type", "split_gain", "internal_value", "internal_weight", "internal_count"}
	lightgbmLeaves   = []string{"leaf_weight", "leaf_count"}
)

// readTree reads the tree with the number i, which has size bytes with the empty lines behind it.
func (r *lightgbmReading) readTree(i int, size int64) error {
	begin := r.pos
	if size > r.f.size-begin {
		return truncated(r.f.size, "a tree says that it has "+strconv.FormatInt(size, 10)+" bytes", begin)
	}
	key, valued, err := r.key()
	if err != nil {
		return err
	}
	number := int64(-1)
	if key != "Tree" || !valued {
		return malformed(begin, "has %s where tree %d has to begin", shorten(key), i)
	}
	if err := r.number(&number, 0, maxLightgbmTrees); err != nil {
		return err
	}
	if number != int64(i) {
		return malformed(begin, "has tree %d where tree %d has to be", number, i)
	}
	if err := r.treeLines(begin); err != nil {
		return err
	}
	for r.pos < begin+size { // empty lines
		c, err := r.next()
		if err != nil || c != '\n' {
			return malformed(r.pos-1, "has something between two trees")
		}
	}
	if r.pos > begin+size {
		return malformed(begin, "has a tree of %d bytes, and %d in its tree_sizes", r.pos-begin, size)
	}
	return r.checkTree(begin)
}

// treeLines reads the lines of a tree up to the empty line behind it.
func (r *lightgbmReading) treeLines(begin int64) error {
	const most = 22 // lines that the library reads (src/io/tree.cpp, max_num_line)
	t := &r.tree
	t.left, t.right, t.kinds, t.categories = t.left[:0], t.right[:0], t.kinds[:0], t.categories[:0]
	t.leaves, t.cats, t.linear, t.lastBoundary, t.leafFeatures, t.counts = -1, -1, 0, 0, 0, map[string]int64{}
	for {
		at := r.pos
		key, valued, err := r.key()
		switch {
		case err != nil:
			return err
		case key == "" && !valued:
			return nil
		case !valued:
			return malformed(at, "has the line %s in a tree, which has no value", shorten(key))
		case len(t.counts) == most:
			return malformed(begin, "has a tree of more than %d lines", most)
		}
		if _, doubled := t.counts[key]; doubled {
			return malformed(at, "has the line %s twice in a tree", shorten(key))
		}
		if t.counts[key], err = r.treeLine(key); err != nil {
			return err
		}
	}
}

// treeLine reads the value of a line and returns how many fields it has.
func (r *lightgbmReading) treeLine(key string) (int64, error) {
	t := &r.tree
	switch key {
	case "num_leaves":
		return 1, r.number(&t.leaves, 1, maxTreeNodes)
	case "num_cat":
		return 1, r.number(&t.cats, 0, maxTreeNodes)
	case "is_linear":
		return 1, r.number(&t.linear, 0, 1)
	case "left_child":
		return r.numbers(&t.left, -maxTreeNodes, maxTreeNodes)
	case "right_child":
		return r.numbers(&t.right, -maxTreeNodes, maxTreeNodes)
	case "decision_type":
		return r.numbers(&t.kinds, math.MinInt8, math.MaxInt8)
	case "split_feature", "leaf_features":
		return r.each(r.lastFeature, func(int64) {})
	case "num_features":
		return r.each(maxFeatures, func(n int64) { t.leafFeatures += n })
	case "threshold":
		return r.thresholds()
	case "cat_boundaries":
		return r.boundaries()
	case "cat_threshold":
		return r.each(math.MaxUint32, func(int64) {})
	default:
		return r.fields(nil)
	}
}

// each reads integers from 0 to high.
func (r *lightgbmReading) each(high int64, visit func(n int64)) (int64, error) {
	at := r.pos
	return r.fields(func(field string) error {
		n, err := lightgbmInt(at, field, 0, high)
		visit(n)
		return err
	})
}

// numbers reads up to maxTreeNodes integers from low to high, which are 32-bit numbers.
func (r *lightgbmReading) numbers(into *[]int32, low, high int64) (int64, error) {
	at := r.pos
	return r.fields(func(field string) error {
		n, err := lightgbmInt(at, field, low, high)
		if len(*into) == maxTreeNodes {
			return tooComplex("has more than %d numbers in a line of a tree, at byte %d", maxTreeNodes, at)
		}
		*into = append(*into, int32(n)) //nolint:gosec // it fits
		return err
	})
}

// thresholds reads what splits are made by. Only those that are numbers of sets of categories are kept.
func (r *lightgbmReading) thresholds() (int64, error) {
	at := r.pos
	t := &r.tree
	return r.fields(func(field string) error {
		set, err := strconv.ParseUint(field, 10, 31)
		if err != nil {
			set = math.MaxUint32
		}
		if len(t.categories) == maxTreeNodes {
			return tooComplex("has more than %d numbers in a line of a tree, at byte %d", maxTreeNodes, at)
		}
		t.categories = append(t.categories, int32(uint32(set))) //nolint:gosec // -1 for what is none
		return nil
	})
}

// boundaries reads where in cat_threshold each set of categories begins, and where the last one ends.
func (r *lightgbmReading) boundaries() (n int64, err error) {
	at := r.pos
	last := int64(0)
	falling := false
	n, err = r.each(math.MaxInt32, func(next int64) {
		falling = falling || next < last
		last = next
	})
	if err == nil && falling {
		return 0, malformed(at, "has cat_boundaries that do not rise")
	}
	r.tree.lastBoundary = last
	return n, err
}

// checkTree checks the tree at a byte as a whole.
func (r *lightgbmReading) checkTree(at int64) error {
	t := &r.tree
	switch {
	case t.leaves < 0 || t.cats < 0:
		return malformed(at, "has a tree without num_leaves or num_cat")
	case t.counts["leaf_value"] != t.leaves:
		return malformed(at, "has a tree of %d leaves, and %d elements in its leaf_value", t.leaves, t.counts["leaf_value"])
	}
	if t.linear == 1 {
		if err := r.checkLinear(at); err != nil {
			return err
		}
	}
	if t.leaves == 1 {
		return nil // the library reads no more of it
	}
	for _, rule := range []struct {
		names    []string
		want     int64
		optional bool
	}{{lightgbmSplits, t.leaves - 1, false}, {lightgbmOptional, t.leaves - 1, true}, {lightgbmLeaves, t.leaves, true}} {
		for _, name := range rule.names {
			if n := t.counts[name]; n != rule.want && (n > 0 || !rule.optional) {
				return malformed(at, "has a tree of %d leaves, and %d elements in its %s", t.leaves, n, name)
			}
		}
	}
	if err := r.checkCategories(at); err != nil {
		return err
	}
	return r.checkNodes(at)
}

// checkLinear checks the lists of a tree whose leaves are linear models.
func (r *lightgbmReading) checkLinear(at int64) error {
	t := &r.tree
	constants, models := t.counts["leaf_const"], t.counts["num_features"]
	switch {
	case constants > 0 && constants != t.leaves, models > 0 && models != t.leaves:
		return malformed(at, "has a tree of %d leaves with %d linear models and %d constants", t.leaves, models, constants)
	case t.counts["leaf_features"] != t.leafFeatures, t.counts["leaf_coeff"] != t.leafFeatures:
		return malformed(at, "has a tree with %d features and %d coefficients in its leaves, which take %d",
			t.counts["leaf_features"], t.counts["leaf_coeff"], t.leafFeatures)
	}
	return nil
}

// checkCategories checks the sets of categories of a tree.
func (r *lightgbmReading) checkCategories(at int64) error {
	const category = 1 // a bit of decision_type (include/LightGBM/tree.h, kCategoricalMask)
	t := &r.tree
	if t.cats > 0 && (t.counts["cat_boundaries"] != t.cats+1 || t.counts["cat_threshold"] != t.lastBoundary) {
		return malformed(at, "has a tree of %d sets of categories with %d boundaries, which end at %d of %d words",
			t.cats, t.counts["cat_boundaries"], t.lastBoundary, t.counts["cat_threshold"])
	}
	for i, kind := range t.kinds {
		if kind&category == category && (t.categories[i] < 0 || int64(t.categories[i]) >= t.cats) {
			return malformed(at, "has a tree of %d sets of categories, where node %d splits by another", t.cats, i)
		}
	}
	return nil
}

// checkNodes makes sure that the nodes of a tree are one: each node and each leaf is the child of one node, but for the root.
func (r *lightgbmReading) checkNodes(at int64) error {
	t := &r.tree
	nodes := int32(len(t.left)) //nolint:gosec // at most maxTreeNodes
	seen := make([]uint64, (2*int(nodes)+1)/64+1)
	for i := range nodes {
		for _, child := range []int32{t.left[i], t.right[i]} {
			place := child // nodes come first, then leaves
			if child < 0 {
				place = nodes + ^child
			}
			if child == 0 || child >= nodes || int64(^child) >= t.leaves {
				return malformed(at, "has a tree of %d leaves, where node %d has the child %d", t.leaves, i, child)
			}
			if seen[place/64]>>(place%64)&1 == 1 {
				return malformed(at, "has a tree where two nodes have the child %d", child)
			}
			seen[place/64] |= 1 << (place % 64)
		}
	}
	reached, err := walkTree(t.left, t.right, at)
	if err == nil && reached != int(nodes) {
		return malformed(at, "has a tree of %d nodes, of which %d are below its root", nodes, reached)
	}
	return err
}
