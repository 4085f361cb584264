package formats_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

func TestALightGBMModelIsRead(t *testing.T) {
	t.Parallel()
	want := formats.Model{
		Format: formats.LightGBM, Producer: "lightgbm", Architecture: "gbdt", Trees: 15,
		Inputs:  []formats.TensorInfo{{Name: "input", Datatype: "FP64", Shape: []int64{-1, 4}}},
		Outputs: []formats.TensorInfo{{Name: "output", Datatype: "FP64", Shape: []int64{-1, 3}}},
		Tensors: []formats.TensorInfo{}, External: []formats.ExternalFile{}, Findings: []formats.Finding{},
	}
	got, err := recogniseAs("model.txt", fixture(t, "iris-lightgbm.txt"))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, %v, want\n%+v", got, err, want)
	}
}

func TestEachCutOfALightGBMModelIsRefused(t *testing.T) {
	t.Parallel()
	whole := fixture(t, "iris-lightgbm.txt")
	end := bytes.Index(whole, []byte("end of trees"))
	for n := len("tree\nversion=v4"); n < end; n += 5 {
		if m, err := recogniseAs("model.txt", whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for %s", n, len(whole), m.Format)
		}
	}
}

const (
	lightgbmHeader = `tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=a b
feature_infos=[0:1] none
`
	lightgbmTree = `num_leaves=3
num_cat=0
split_feature=0 1
split_gain=1.5 0.5
threshold=0.5 1e-10
decision_type=2 2
left_child=-1 -2
right_child=1 -3
leaf_value=0.5 -0.5 inf
leaf_weight=1 1 1
leaf_count=1 1 1
internal_value=0 0
internal_weight=2 1
internal_count=3 2
is_linear=0
shrinkage=0.1
`
	lightgbmRest = "end of trees\n\nfeature_importances:\na=1\n\nparameters:\n[boosting: dart]\n\nend of parameters\n\npandas_categorical:null\n"
)

// lightgbmText joins a model, with the size of each tree in its header.
func lightgbmText(header string, trees ...string) string {
	var sizes, body strings.Builder
	for i, tree := range trees {
		tree = fmt.Sprintf("Tree=%d\n%s\n\n", i, tree)
		fmt.Fprintf(&sizes, " %d", len(tree))
		body.WriteString(tree)
	}
	return header + "tree_sizes=" + strings.TrimPrefix(sizes.String(), " ") + "\n\n" + body.String() + lightgbmRest
}

func TestTheOutputOfALightGBMModelFollowsFromItsObjective(t *testing.T) {
	t.Parallel()
	for objective, want := range map[string][]int64{
		"binary sigmoid:1": {-1}, "lambdarank": {-1}, "multiclass num_class:2": {-1, 2}, "multiclassova num_class:2 sigmoid:1": {-1, 2}, "custom": {-1},
	} {
		header := strings.Replace(lightgbmHeader, "binary sigmoid:1", objective, 1)
		if strings.HasPrefix(objective, "multiclass") {
			header = strings.NewReplacer("num_class=1", "num_class=2", "iteration=1", "iteration=2").Replace(header)
		}
		m, err := recogniseAs("m.txt", []byte(lightgbmText(header, lightgbmTree, lightgbmTree)))
		if err != nil || m.Architecture != "dart" || !reflect.DeepEqual(m.Outputs, []formats.TensorInfo{{Name: "output", Datatype: "FP64", Shape: want}}) {
			t.Errorf("%s: %+v, %v", objective, m, err)
		}
	}
}

// replaced returns text with old replaced by new, both of them lines or more.
func replaced(t *testing.T, text, before, after string) string {
	t.Helper()
	if !strings.Contains(text, before) {
		t.Fatalf("%q is not there", before)
	}
	return strings.Replace(text, before, after, 1)
}

func TestLightGBMModelsThatTheLibraryLoadsAreRead(t *testing.T) {
	t.Parallel()
	constant := "num_leaves=1\nnum_cat=0\nsplit_feature=\nleft_child=\nright_child=\nthreshold=\nleaf_value=1\nleaf_count=200\nis_linear=0\nshrinkage=1\n"
	categories := strings.NewReplacer("num_cat=0", "num_cat=1", "decision_type=2 2", "decision_type=1 2", "threshold=0.5", "threshold=0",
		"is_linear=0", "cat_boundaries=0 2\ncat_threshold=4294967295 7\nis_linear=0").Replace(lightgbmTree)
	linear := replaced(t, lightgbmTree, "is_linear=0", "is_linear=1\nleaf_const=1 2 3\nnum_features=1 0 2\nleaf_features=1  0 1 \nleaf_coeff=0.5  1 2 ")
	for name, tree := range map[string]string{
		"a constant": constant, "sets of categories": categories, "linear leaves": linear,
		"without what is not needed": replaced(t, replaced(t, lightgbmTree, "split_gain=1.5 0.5\n", ""), "internal_count=3 2\n", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if m, err := recogniseAs("m.txt", []byte(lightgbmText(lightgbmHeader, tree))); err != nil || m.Format != formats.LightGBM {
				t.Errorf("%v, %v", m.Format, err)
			}
		})
	}
}

func TestLightGBMTreesThatTheLibraryWouldMisreadAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after, words string }{
		{"num_leaves=3\n", "", "without num_leaves"},
		{"num_leaves=3", "num_leaves=4", "3 elements in its leaf_value"},
		{"num_leaves=3", "num_leaves=0", "whole number"},
		{"num_leaves=3", "num_leaves=9999999999", "whole number"},
		{"num_leaves=3", "num_leaves=3 3", "2 numbers"},
		{"num_leaves=3", "num_leaves=+3", "whole number"},
		{"num_leaves=3\n", strings.Repeat("num_leaves=3\n", 2), `"num_leaves" twice`},
		{"num_cat=0\n", "", "num_cat"},
		{"split_feature=0 1", "split_feature=0 2", "whole number from 0 to 1"},
		{"split_feature=0 1", "split_feature=0 -1", "whole number from 0 to 1"},
		{"split_feature=0 1", "split_feature=0", "1 elements in its split_feature"},
		{"threshold=0.5 1e-10", "threshold=0.5", "1 elements in its threshold"},
		{"left_child=-1 -2", "left_child=1 -2", "two nodes have the child 1"},
		{"left_child=-1 -2", "left_child=0 -2", "has the child 0"},
		{"left_child=-1 -2", "left_child=2 -2", "has the child 2"},
		{"left_child=-1 -2", "left_child=-4 -2", "has the child -4"},
		{"left_child=-1 -2", "left_child=-1 -1", "two nodes have the child -1"},
		{"left_child=-1 -2", "left_child=-1 -2 -3", "3 elements in its left_child"},
		{"left_child=-1 -2\nright_child=1 -3", "left_child=-1 1\nright_child=-2 -3", "2 nodes, of which 1"},
		{"right_child=1 -3", "right_child=1", "1 elements in its right_child"},
		{"right_child=1 -3", "right_child=1 x", "whole number"},
		{"leaf_value=0.5 -0.5 inf", "leaf_value=0.5 -0.5", "2 elements in its leaf_value"},
		{"leaf_weight=1 1 1", "leaf_weight=1 1", "2 elements in its leaf_weight"},
		{"decision_type=2 2", "decision_type=3 2", "0 sets of categories, where node 0"},
		{"decision_type=2 2", "decision_type=2", "1 elements in its decision_type"},
		{"decision_type=2 2", "decision_type=300 2", "whole number"},
		{"num_cat=0", "num_cat=1", "0 boundaries"},
		{"num_cat=0", "num_cat=1\ncat_boundaries=0 2\ncat_threshold=1", "end at 2 of 1 words"},
		{"num_cat=0", "num_cat=2\ncat_boundaries=0 2 1\ncat_threshold=1", "do not rise"},
		{"num_cat=0", "num_cat=1\ncat_boundaries=0 -2\ncat_threshold=1", "whole number"},
		{"num_cat=0", "num_cat=1\ncat_boundaries=0 1\ncat_threshold=4294967296", "whole number"},
		{"is_linear=0", "is_linear=1\nleaf_const=1", "3 leaves with 0 linear models and 1 constants"},
		{"is_linear=0", "is_linear=1\nnum_features=1 0 1\nleaf_features=0 2\nleaf_coeff=1 1", "whole number from 0 to 1"},
		{"is_linear=0", "is_linear=1\nnum_features=1 0 1\nleaf_features=0\nleaf_coeff=1 1", "1 features and 2 coefficients"},
		{"is_linear=0", "is_linear=1\nnum_features=1 -1 1\nleaf_features=0\nleaf_coeff=1", "whole number"},
		{"shrinkage=0.1\n", "shrinkage=0.1\nend\n", "has no value"},
		{"shrinkage=0.1\n", "shrinkage=0.1\na=\nb=\nc=\nd=\ne=\nf=\ng=\n", "more than 22 lines"},
		{"shrinkage=0.1\n", "shrinkage=0.1\n\na=1\n", "between two trees"},
		{"shrinkage=0.1\n", "shrinkage=0.1\r\n", `'\r'`},
		{"shrinkage=0.1\n", "shrinkage=0.1\x00\n", `'\x00'`},
		{"shrinkage=0.1\n", strings.Repeat("k", 1000) + "=1\n", "key of at most 128 bytes"},
		{"left_child=-1 -2", "left_child=" + strings.Repeat("1", 5000), "field of more than 1024 bytes"},
	} {
		t.Run(c.before+" "+shown(c.after), func(t *testing.T) {
			t.Parallel()
			file := lightgbmText(lightgbmHeader, replaced(t, lightgbmTree, c.before, c.after))
			assertRefusedAs(t, "m.txt", []byte(file), formats.Malformed, c.words)
		})
	}
}

func shown(text string) string { return text[:min(len(text), 40)] }

func TestLightGBMFilesThatTheLibraryWouldMisreadAreRefused(t *testing.T) {
	t.Parallel()
	whole := lightgbmText(lightgbmHeader, lightgbmTree, lightgbmTree)
	size := len("Tree=0\n\n\n" + lightgbmTree)
	sizes := fmt.Sprintf("tree_sizes=%d %d\n", size, size)
	for _, c := range []struct {
		before, after string
		code          formats.Code
		words         string
	}{
		{"num_class=1\n", "", formats.Malformed, "number of classes"},
		{"num_class=1\n", "num_class=2\n", formats.Malformed, "1 trees in each iteration for 2 classes"},
		{"num_class=1\nnum_tree_per_iteration=1", "num_class=2\nnum_tree_per_iteration=2", formats.Malformed, "an objective for one"},
		{"num_class=1\n", strings.Repeat("num_class=1\n", 2), formats.Malformed, "twice"},
		{"num_class=1\n", "num_class=999999999\n", formats.Malformed, "whole number"},
		{"max_feature_idx=1", "max_feature_idx=2", formats.Malformed, "2 feature_names and 2 feature_infos of 3"},
		{"max_feature_idx=1", "max_feature_idx=2147483647", formats.Malformed, "whole number"},
		{"max_feature_idx=1\n", "", formats.Malformed, "number of features"},
		{"feature_names=a b", "feature_names=a b c", formats.Malformed, "3 feature_names"},
		{"feature_infos=[0:1] none", "feature_infos=[0:1]", formats.Malformed, "1 feature_infos"},
		{"label_index=0", "monotone_constraints=1", formats.Malformed, "feature_names"},
		{"objective=binary sigmoid:1", "objective=multiclass num_class:3", formats.Malformed, `objective for "3"`},
		{"objective=binary", "objective=bi\x1bnary", formats.Malformed, "control character"},
		{sizes, "", formats.Malformed, "no trees"},
		{sizes, fmt.Sprintf("tree_sizes=%d\n", size), formats.Malformed, "more trees than sizes"},
		{sizes, fmt.Sprintf("tree_sizes=%d %d 9\n", size, size), formats.Malformed, "where tree 2 has to begin"},
		{sizes, fmt.Sprintf("tree_sizes=%d %d\n", size-1, size+1), formats.Malformed, "where tree 1 has to begin"},
		{sizes, fmt.Sprintf("tree_sizes=%d %d\n", size-4, size), formats.Malformed, "bytes"},
		{sizes, fmt.Sprintf("tree_sizes=%d %d\n", size+1, size-1), formats.Malformed, "between two trees"},
		{sizes, fmt.Sprintf("tree_sizes=%d 9999999\n", size), formats.Malformed, "whole number"},
		{sizes, fmt.Sprintf("tree_sizes=%d -5\n", size), formats.Malformed, "whole number"},
		{"Tree=1", "Tree=2", formats.Malformed, "tree 2 where tree 1"},
		{"parameters:", "parameters\x00:", formats.Malformed, `'\x00'`},
	} {
		t.Run(c.before+" "+c.after, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "m.txt", []byte(replaced(t, whole, c.before, c.after)), c.code, c.words)
		})
	}
}

func TestALightGBMTreeThatIsTooDeepIsRefused(t *testing.T) {
	t.Parallel()
	const nodes = 5000
	var left, right strings.Builder
	for i := range nodes {
		fmt.Fprintf(&left, "%d ", ^i)
		if i < nodes-1 {
			fmt.Fprintf(&right, "%d ", i+1)
		} else {
			fmt.Fprintf(&right, "%d", ^nodes)
		}
	}
	zeros := strings.Repeat("0 ", nodes)
	tree := fmt.Sprintf("num_leaves=%d\nnum_cat=0\nsplit_feature=%s\nthreshold=%s\nleft_child=%s\nright_child=%s\nleaf_value=%s0\n",
		nodes+1, zeros, zeros, left.String(), right.String(), zeros)
	assertRefusedAs(t, "m.txt", []byte(lightgbmText(lightgbmHeader, tree)), formats.TooComplex, "4096 levels")
}
