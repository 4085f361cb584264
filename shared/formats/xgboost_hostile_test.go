package formats_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// at splits a path, whose last elements follow.
func at(path string, more ...string) []any {
	var steps []any
	for _, step := range append(strings.Split(path, "/"), more...) {
		if step == "0" {
			steps = append(steps, 0)
		} else {
			steps = append(steps, step)
		}
	}
	return steps
}

func TestXGBoostModelsThatTheLibraryWouldMisreadAreRefused(t *testing.T) {
	t.Parallel()
	const tree = "learner/gradient_booster/model/trees/0"
	const model = "learner/gradient_booster/model"
	const parameters = "learner/learner_model_param"
	for _, c := range []struct {
		path  string
		value any
		code  formats.Code
		words string
	}{
		{tree + "/left_children", list{3, -1, -1}, formats.Malformed, "children 3 and 2"},
		{tree + "/left_children", list{0, -1, -1}, formats.Malformed, "children 0 and 2"},
		{tree + "/left_children", list{-2, -1, -1}, formats.Malformed, "whole number"},
		{tree + "/left_children", list{1, 2, -1}, formats.Malformed, "node 1 has the children 2 and -1"},
		{tree + "/left_children", list{2, -1, -1}, formats.Malformed, "children 2 and 2"},
		{tree + "/left_children", list{1, -1}, formats.Malformed, "2 elements in its left_children"},
		{tree + "/left_children", list{4294967297, -1, -1}, formats.Malformed, "no 32-bit number"},
		{tree + "/left_children", list{1.5, -1.0, -1.0}, formats.Malformed, "whole number"},
		{tree + "/left_children", "1", formats.Malformed, "a list has to be"},
		{tree + "/right_children", list{3, -1, -1}, formats.Malformed, "children 1 and 3"},
		{tree + "/right_children", list{2, 1, -1}, formats.Malformed, "children -1 and 1"},
		{tree + "/parents", list{2147483647, 0, 1}, formats.Malformed, "have the parents 0 and 1"},
		{tree + "/parents", list{2147483647, 0, 3}, formats.Malformed, "have the parents 0 and 3"},
		{tree + "/parents", list{2147483647, 0, -1}, formats.Malformed, "have the parents 0 and -1"},
		{tree + "/parents", list{1, 0, 0}, formats.Malformed, "root has the parent 1"},
		{tree + "/split_indices", list{2, 0, 0}, formats.Malformed, "asks for feature 2 of 2"},
		{tree + "/split_indices", list{-1, 0, 0}, formats.Malformed, "whole number"},
		{tree + "/split_conditions", list{0.5}, formats.Malformed, "1 elements in its split_conditions"},
		{tree + "/default_left", list{0, 0, 0, 0}, formats.Malformed, "4 elements in its default_left"},
		{tree + "/sum_hessian", nil, formats.Malformed, "0 elements in its sum_hessian"},
		{tree + "/split_type", list{1, 0, 0}, formats.Malformed, "do not agree"},
		{tree + "/split_type", list{2, 0, 0}, formats.Malformed, "do not agree"},
		{tree + "/split_type", list{0, 0}, formats.Malformed, "2 elements in its split_type"},
		{tree + "/categories_nodes", list{0}, formats.Malformed, "0 and 0 places"},
		{tree + "/id", 1, formats.Malformed, "with the id 1"},
		{tree + "/tree_param/num_nodes", "4", formats.Malformed, "a tree of 4 nodes"},
		{tree + "/tree_param/num_nodes", "0", formats.Malformed, "without its number of nodes"},
		{tree + "/tree_param/num_nodes", "3 ", formats.Malformed, `"3 " where a whole number`},
		{tree + "/tree_param/num_nodes", "99999999", formats.TooComplex, "99999999"},
		{tree + "/tree_param/size_leaf_vector", "2", formats.Malformed, "2 outputs"},
		{model + "/gbtree_model_param/num_trees", "2", formats.Malformed, "says that it has 2"},
		{model + "/tree_info", list{1}, formats.Malformed, "output 1 of 1"},
		{model + "/tree_info", list{0, 0}, formats.Malformed, "outputs of 2 trees"},
		{model + "/iteration_indptr", list{0, 5, 1}, formats.Malformed, "tree 1 after tree 5"},
		{model + "/iteration_indptr", list{}, formats.Malformed, "empty list"},
		{model + "/iteration_indptr", list{0, 2}, formats.Malformed, "iterations of 2 trees"},
		{model + "/weights", list{0.5}, formats.Malformed, "besides trees"},
		{model + "/weight_drop", list{0.5, 0.5}, formats.Malformed, "2 weights for 1 trees"},
		{"learner/gradient_booster/gbtree", dict{"model": dict{"weights": list{0.5}}}, formats.Malformed, "second model"},
		{"learner/gradient_booster/name", "gblinear", formats.Malformed, "-1 weights"},
		{"learner/gradient_booster/name", "mine", formats.Malformed, "gbtree, dart and gblinear are known"},
		{"learner/objective/name", nil, formats.Malformed, "without the name of an objective"},
		{"learner/objective/name", "a\x00b", formats.Malformed, "control character"},
		{"learner/objective/softmax_multiclass_param", dict{"num_class": "9"}, formats.Malformed, "9 in its objective"},
		{"learner/feature_names", list{"a"}, formats.Malformed, "1 names"},
		{parameters + "/num_feature", "0", formats.Malformed, "without a number of features"},
		{parameters + "/num_feature", "99999999999999999999", formats.Malformed, "whole number"},
		{parameters + "/num_feature", "4294967295", formats.TooComplex, "4294967295"},
		{parameters + "/num_class", "-1", formats.Malformed, "whole number"},
		{parameters + "/base_score", "[1,2]", formats.Malformed, "2 base scores for 1 outputs"},
		{parameters + "/base_score", "x", formats.Malformed, "base_score"},
		{"version", list{1, 2, 3, 4, 5}, formats.Malformed, "more than 4 numbers"},
	} {
		t.Run(fmt.Sprint(c.path, " ", c.value), func(t *testing.T) {
			t.Parallel()
			whole := booster()
			set(whole, c.value, at(c.path)...)
			for name, file := range encodings(t, whole) {
				assertRefusedAs(t, name, file, c.code, c.words)
			}
		})
	}
}

func TestSetsOfCategoriesThatTheLibraryWouldMisreadAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		categories, nodes, begins, lengths list
		code                               formats.Code
	}{
		"beyond the list":    {list{1, 2}, list{0}, list{0}, list{3}, formats.Malformed},
		"none":               {list{1, 2}, list{0}, list{0}, list{0}, formats.Malformed},
		"not from the start": {list{1, 2}, list{0}, list{1}, list{1}, formats.Malformed},
		"a negative one":     {list{-1, 2}, list{0}, list{0}, list{2}, formats.Malformed},
		"a large one":        {list{1 << 24}, list{0}, list{0}, list{1}, formats.Malformed},
		"of another node":    {list{1}, list{1}, list{0}, list{1}, formats.Malformed},
		"of no node":         {list{1, 2}, list{0, 3}, list{0, 1}, list{1, 1}, formats.Malformed},
		"without an end":     {list{1}, list{0}, list{0}, list{}, formats.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := booster()
			tree := whole["learner"].(dict)["gradient_booster"].(dict)["model"].(dict)["trees"].(list)[0].(dict)
			maps.Copy(tree, dict{
				"split_type": list{1, 0, 0}, "categories": c.categories, "categories_nodes": c.nodes, "categories_segments": c.begins,
				"categories_sizes": c.lengths,
			})
			for name, file := range encodings(t, whole) {
				assertRefusedAs(t, name, file, c.code, "")
			}
		})
	}
}

func TestATreeThatIsTooDeepIsRefused(t *testing.T) {
	t.Parallel()
	const depth = 5000
	const nodes = 2*depth + 1
	left, right, parents := make(list, nodes), make(list, nodes), make(list, nodes)
	for i := range nodes {
		left[i], right[i], parents[i] = -1, -1, (i-1)/2*2
	}
	parents[0] = 2147483647
	for i := range depth { // node 2i has the children 2i+1, a leaf, and 2i+2
		left[2*i], right[2*i] = 2*i+1, 2*i+2
	}
	whole := booster()
	tree := whole["learner"].(dict)["gradient_booster"].(dict)["model"].(dict)["trees"].(list)[0].(dict)
	maps.Copy(tree, dict{"left_children": left, "right_children": right, "parents": parents, "split_indices": slices.Repeat(list{0}, nodes)})
	for _, key := range []string{"base_weights", "loss_changes", "split_conditions", "sum_hessian"} {
		tree[key] = slices.Repeat(list{0.5}, nodes)
	}
	tree["default_left"], tree["split_type"] = slices.Repeat(list{0}, nodes), slices.Repeat(list{0}, nodes)
	tree["tree_param"] = dict{"num_nodes": strconv.Itoa(nodes)}
	for name, file := range encodings(t, whole) {
		assertRefusedAs(t, name, file, formats.TooComplex, "4096 levels")
	}
}

func TestHostileEncodingsOfAnXGBoostModelAreRefused(t *testing.T) {
	t.Parallel()
	const begin = "{L\x00\x00\x00\x00\x00\x00\x00\x07learner{"
	key := func(name string) string {
		return "L" + string(binary.BigEndian.AppendUint64(nil, uint64(len(name)))) + name
	}
	text := string(encodings(t, booster())["m.json"])
	whole := string(encodings(t, booster())["m.ubj"])
	for name, c := range map[string]struct {
		path  ref.Path
		file  string
		code  formats.Code
		words string
	}{
		"a length beyond the file":       {"m.ubj", begin + key("x") + "S" + "L\x00\x00\x00\x00\x7f\xff\xff\xff", formats.Truncated, "length 2147483647"},
		"the largest length":             {"m.ubj", begin + key("x") + "[$L#L\x7f\xff\xff\xff\xff\xff\xff\xff", formats.Truncated, "length"},
		"a negative length":              {"m.ubj", begin + key("x") + "[$d#L\xff\xff\xff\xff\xff\xff\xff\xff", formats.Malformed, "length -1"},
		"a short length":                 {"m.ubj", begin + key("x") + "[#i\x05...........", formats.Malformed, "a length of the type"},
		"a list of nothings":             {"m.ubj", begin + key("x") + "[$Z#L\x00\x00\x00\x00\x7f\xff\xff\xff", formats.Malformed, "type 'Z'"},
		"a number of high precision":     {"m.ubj", begin + key("x") + "H" + key("1"), formats.Malformed, "type 'H'"},
		"a no-op":                        {"m.ubj", begin + key("x") + "N", formats.Malformed, "type 'N'"},
		"lists in lists":                 {"m.ubj", begin + key("x") + strings.Repeat("[", 1000), formats.TooComplex, "nested"},
		"counted lists in lists":         {"m.ubj", begin + key("x") + strings.Repeat("[#L\x00\x00\x00\x00\x00\x00\x00\x01", 1000), formats.TooComplex, "nested"},
		"objects in objects":             {"m.ubj", begin + strings.Repeat(key("x")+"{", 1000), formats.TooComplex, "nested"},
		"a key twice":                    {"m.ubj", begin + key("x") + "Z" + key("x") + "Z", formats.Malformed, `the key "x" twice`},
		"a long key":                     {"m.ubj", begin + key(strings.Repeat("k", 2000)) + "Z", formats.TooComplex, "2000 bytes"},
		"a key that is not UTF-8":        {"m.ubj", begin + key("\xff") + "Z", formats.Malformed, "not UTF-8"},
		"many keys":                      {"m.ubj", begin + manyKeys(2000, func(k string) string { return key(k) + "Z" }), formats.TooComplex, "1024 keys"},
		"something after it":             {"m.ubj", whole + "Z", formats.Malformed, "after its UBJSON"},
		"something after the text":       {"m.json", text + "{}", formats.Malformed, "after its JSON"},
		"half a NaN":                     {"m.json", strings.Replace(text, "0.25", "Na", 1), formats.Malformed, "cannot be read"},
		"a NaN where a child is":         {"m.json", strings.Replace(text, "[1,-1,-1]", "[NaN,-1,-1]", 1), formats.Malformed, "whole number"},
		"lists in lists of text":         {"m.json", `{"learner":{"objective":{"x":` + strings.Repeat("[", 1000), formats.TooComplex, "nested"},
		"an endless number":              {"m.json", `{"learner":{"objective":{"x":` + strings.Repeat("1", 2<<20), formats.TooComplex, "more than 1048576 bytes"},
		"an endless space":               {"m.json", `{"learner":{"objective":{"x":` + strings.Repeat(" ", 2<<20), formats.TooComplex, "more than 1048576 bytes"},
		"a huge number where a child is": {"m.json", strings.Replace(text, "[1,-1,-1]", "[1e400,-1,-1]", 1), formats.Malformed, "whole number"},
		"a number that wraps":            {"m.json", strings.Replace(text, "[1,-1,-1]", "[18446744073709551617,-1,-1]", 1), formats.Malformed, "whole number"},
		"a member twice":                 {"m.json", strings.Replace(text, `"parents":`, `"parents":[],"parents":`, 1), formats.Malformed, "twice"},
		"a member twice by an escape":    {"m.json", strings.Replace(text, `"parents":`, `"p\u0061rents":[],"parents":`, 1), formats.Malformed, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, c.path, []byte(c.file), c.code, c.words)
		})
	}
}

func manyKeys(n int, member func(key string) string) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(member(strconv.Itoa(i)))
	}
	return all.String()
}

func TestJSONThatIsNoXGBoostModelIsData(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"learner": "adam"}`, `{"version": [1, 2], "learner": {}}`, `{"learner": {"rate": 0.1}}`, `{"version": "1"}`} {
		if m, err := recogniseAs("settings.json", []byte(text)); err != nil || m.Format != formats.Data {
			t.Errorf("%s: %v, %v", text, m.Format, err)
		}
	}
}

func TestAFileThatEndsWithUBJIsAnXGBoostModel(t *testing.T) {
	t.Parallel()
	assertRefusedAs(t, "m.ubj", []byte("{i\x01xZ}"), formats.UnsupportedFormat, "not an XGBoost model")
}
