package formats

import "slices"

// xgboostTree is the tree that is being read. Its space is used again for the next one.
type xgboostTree struct {
	left, right, parents, features  []int32 // of each node
	kinds                           []int32 // of each node's split: 0 by number, 1 by category
	categories                      []int32 // all that the tree has
	catNodes, catBegins, catLengths []int32 // which node takes which of the categories
	counts                          map[string]int64
	nodes, leafVector, id           int64
}

const (
	maxCategories   = 1 << 22 // listed in a tree
	maxCategory     = 1 << 24 // above the largest one (src/common/categorical.h, OutOfRangeCat)
	maxCategoryBits = 1 << 34 // of all sets of categories: the library takes a bit for each category up to the largest of a set
)

// xgboostCounted are the lists that have as many elements as a tree has nodes (src/tree/tree_model.cc, LoadModelImpl). Of what a leaf with
// several outputs has there are more.
var xgboostCounted = []string{"default_left", "split_conditions", "loss_changes", "sum_hessian", "base_weights"}

// readTree reads the tree with the number i.
func (x *xgboostReading) readTree(i int) error {
	at := x.at()
	t := &x.tree
	t.left, t.right, t.parents, t.features, t.kinds = t.left[:0], t.right[:0], t.parents[:0], t.features[:0], t.kinds[:0]
	t.categories, t.catNodes, t.catBegins, t.catLengths = t.categories[:0], t.catNodes[:0], t.catBegins[:0], t.catLengths[:0]
	t.nodes, t.leafVector, t.id = -1, 1, -1
	t.counts = map[string]int64{}
	read := map[string]func() error{
		"id":                  func() (err error) { t.id, err = x.int(0); return err },
		"tree_param":          x.treeParameters,
		"left_children":       func() error { return x.numbers(&t.left, -1, maxTreeNodes) },
		"right_children":      func() error { return x.numbers(&t.right, -1, maxTreeNodes) },
		"parents":             func() error { return x.numbers(&t.parents, -1, maxTreeNodes) },
		"split_indices":       func() error { return x.numbers(&t.features, 0, maxTreeNodes) },
		"split_type":          func() error { return x.numbers(&t.kinds, 0, maxTreeNodes) },
		"categories":          func() error { return x.numbers(&t.categories, 0, maxCategories) },
		"categories_nodes":    func() error { return x.numbers(&t.catNodes, 0, maxTreeNodes) },
		"categories_segments": func() error { return x.numbers(&t.catBegins, 0, maxTreeNodes) },
		"categories_sizes":    func() error { return x.numbers(&t.catLengths, 0, maxTreeNodes) },
		"leaf_weights":        func() error { return x.counted("leaf_weights") },
	}
	for _, name := range xgboostCounted {
		read[name] = func() error { return x.counted(name) }
	}
	if err := x.members(read); err != nil {
		return err
	}
	if t.id != int64(i) {
		return malformed(at, "has the tree %d with the id %d", i, t.id)
	}
	if x.trees++; x.trees > maxTrees {
		return tooComplex("has more than %d trees", maxTrees)
	}
	for _, check := range []func(at int64) error{x.checkLengths, x.checkNodes, x.checkCategories} {
		if err := check(at); err != nil {
			return err
		}
	}
	return nil
}

func (x *xgboostReading) treeParameters() error {
	return x.members(map[string]func() error{
		"num_nodes":        func() error { return x.number(&x.tree.nodes, maxTreeNodes) },
		"size_leaf_vector": func() error { return x.number(&x.tree.leafVector, maxGroups) },
	})
}

// counted counts the numbers of the list with the name.
func (x *xgboostReading) counted(name string) (err error) {
	x.tree.counts[name], err = x.count()
	return err
}

// numbers reads a list of up to most integers from low to the largest int32.
func (x *xgboostReading) numbers(into *[]int32, low int64, most int) error {
	return x.list(func(int) error {
		at := x.at()
		n, err := x.int(low)
		switch {
		case err != nil:
			return err
		case !fitsInt32(n, low):
			return malformed(at, "has %d in a tree, which is no 32-bit number", n)
		case len(*into) == most:
			return tooComplex("has more than %d numbers in a list of a tree, at byte %d", most, at)
		}
		*into = append(*into, int32(n)) //nolint:gosec // it fits
		return nil
	})
}

// checkLengths compares how many elements the lists of the tree at a byte have with its number of nodes.
func (x *xgboostReading) checkLengths(at int64) error {
	t := &x.tree
	if t.nodes < 1 {
		return malformed(at, "has a tree without its number of nodes")
	}
	t.counts["left_children"], t.counts["right_children"] = int64(len(t.left)), int64(len(t.right))
	t.counts["parents"], t.counts["split_indices"] = int64(len(t.parents)), int64(len(t.features))
	if len(t.kinds) > 0 || len(t.catNodes) > 0 { // since 1.3
		t.counts["split_type"] = int64(len(t.kinds))
	}
	t.leafVector = max(t.leafVector, 1) // before 2.0 it is 0
	weights, has := t.counts["base_weights"]
	if t.leafVector > 1 && has && weights > 0 && weights%t.nodes == 0 {
		delete(t.counts, "base_weights") // one for each target that the splits are made by
	}
	leaves := t.counts["leaf_weights"]
	delete(t.counts, "leaf_weights")
	for _, name := range slices.Concat(xgboostCounted, []string{"left_children", "right_children", "parents", "split_indices", "split_type"}) {
		n, ok := t.counts[name]
		optional := name == "split_type" || t.leafVector > 1 && (name == "loss_changes" || name == "sum_hessian" || name == "base_weights")
		if n != t.nodes && (ok || !optional) {
			return malformed(at, "has a tree of %d nodes, and %d elements in its %s", t.nodes, n, name)
		}
	}
	if x.leafVector >= 0 && x.leafVector != t.leafVector {
		return malformed(at, "has a tree with %d outputs in each leaf, and others with %d", t.leafVector, x.leafVector)
	}
	x.leafVector = t.leafVector
	return x.checkLeaves(at, weights, leaves)
}

// checkLeaves checks the numbers of weights of a tree whose leaves have several outputs. Since 3.1 a leaf has the index of its weights in place
// of its right child (include/xgboost/multi_target_tree_model.h); that is taken away.
func (x *xgboostReading) checkLeaves(at, weights, leaves int64) error {
	t := &x.tree
	switch {
	case t.leafVector == 1:
		return nil
	case leaves == 0 && weights != t.nodes*t.leafVector:
		return malformed(at, "has a tree of %d nodes with %d outputs each, and %d weights", t.nodes, t.leafVector, weights)
	case leaves%t.leafVector != 0:
		return malformed(at, "has a tree with %d outputs in each leaf, and %d weights of leaves", t.leafVector, leaves)
	}
	for i, left := range t.left {
		if left >= 0 || leaves == 0 {
			continue
		}
		if leaf := int64(t.right[i]); leaf < 0 || leaf >= leaves/t.leafVector {
			return malformed(at, "has a tree with the leaf %d of %d", leaf, leaves/t.leafVector)
		}
		t.right[i] = -1
	}
	return nil
}

// checkNodes makes sure that the nodes of the tree at a byte are a tree: the library follows their indexes unchecked.
func (x *xgboostReading) checkNodes(at int64) error {
	t := &x.tree
	const none = 1<<31 - 1 // the root's parent (include/xgboost/tree_model.h, Node::Parent)
	if t.parents[0] != none && t.parents[0] != -1 {
		return malformed(at, "has a tree whose root has the parent %d", t.parents[0])
	}
	n := int32(len(t.left)) //nolint:gosec // at most maxTreeNodes
	for i := range n {
		left, right := t.left[i], t.right[i]
		switch {
		case i > 0 && (t.parents[i] < 0 || t.parents[i] >= n):
			return malformed(at, "has a tree of %d nodes, where node %d has the parent %d", n, i, t.parents[i])
		case left == -1 && right == -1:
			continue
		case left < 1 || left >= n || right < 1 || right >= n || left == right:
			return malformed(at, "has a tree of %d nodes, where node %d has the children %d and %d", n, i, left, right)
		case t.parents[left] != i || t.parents[right] != i:
			return malformed(at, "has a tree where nodes %d and %d, the children of %d, have the parents %d and %d",
				left, right, i, t.parents[left], t.parents[right])
		}
		x.lastSplit = max(x.lastSplit, int64(t.features[i]))
	}
	_, err := walkTree(t.left, t.right, at)
	return err
}

// checkCategories checks the sets of categories of the tree at a byte (src/tree/tree_model.cc, LoadCategoricalSplit).
func (x *xgboostReading) checkCategories(at int64) error {
	t := &x.tree
	if len(t.catBegins) != len(t.catNodes) || len(t.catLengths) != len(t.catNodes) {
		return malformed(at, "has a tree with %d nodes that split by category, and %d and %d places of their categories",
			len(t.catNodes), len(t.catBegins), len(t.catLengths))
	}
	next, end := 0, int64(0) // sets follow each other
	for i, kind := range t.kinds {
		here := next < len(t.catNodes) && int(t.catNodes[next]) == i
		if kind != 0 && kind != 1 || here != (kind == 1) {
			return malformed(at, "has a tree where the categories of node %d and its split_type %d do not agree", i, kind)
		}
		if !here {
			continue
		}
		begin, length := int64(t.catBegins[next]), int64(t.catLengths[next])
		if length < 1 || begin != end || begin+length > int64(len(t.categories)) {
			return malformed(at, "has a tree where node %d has %d categories from %d on, of %d", i, length, begin, len(t.categories))
		}
		end = begin + length
		largest := int32(0)
		for _, category := range t.categories[begin : begin+length] {
			largest = max(largest, category)
		}
		if largest >= maxCategory {
			return malformed(at, "has a tree with the category %d; they are less than %d", largest, maxCategory)
		}
		if x.categories += int64(largest) + 1; x.categories > maxCategoryBits {
			return tooComplex("has sets of categories that take %d bits of memory or more", x.categories)
		}
		next++
	}
	if next < len(t.catNodes) {
		return malformed(at, "has a tree with the categories of node %d, out of order or of no node", t.catNodes[next])
	}
	return nil
}
