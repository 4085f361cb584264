package formats_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

func TestAnXGBoostModelIsReadInBothOfItsEncodings(t *testing.T) {
	t.Parallel()
	want := formats.Model{
		Format: formats.XGBoost, Producer: "xgboost", ProducerVersion: "3.2.0", Architecture: "gbtree", Trees: 15,
		Inputs:  []formats.TensorInfo{{Name: "input", Datatype: "FP32", Shape: []int64{-1, 4}}},
		Outputs: []formats.TensorInfo{{Name: "output", Datatype: "FP32", Shape: []int64{-1, 3}}},
		Tensors: []formats.TensorInfo{}, External: []formats.ExternalFile{}, Findings: []formats.Finding{},
	}
	for _, name := range []ref.Path{"iris-xgboost.json", "iris-xgboost.ubj"} {
		got, err := recogniseAs(name, fixture(t, string(name)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read\n%+v, %v, want\n%+v", name, got, err, want)
		}
	}
}

func TestEachCutOfAnXGBoostModelIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []ref.Path{"iris-xgboost.json", "iris-xgboost.ubj"} {
		whole := fixture(t, string(name))
		for n := 64; n < len(whole); n += 7 {
			if m, err := recogniseAs(name, whole[:n]); err == nil {
				t.Fatalf("%s: the first %d of %d bytes are taken for %s", name, n, len(whole), m.Format)
			}
		}
	}
}

type (
	dict = map[string]any
	list = []any
)

func TestNumbersThatAreNoneAreReadInXGBoostsJSON(t *testing.T) {
	t.Parallel()
	text := string(encodings(t, booster())["m.json"])
	for _, number := range []string{"NaN", "Infinity", "-Infinity"} {
		if m, err := recogniseAs("m.json", []byte(strings.ReplaceAll(text, "-0.25", number))); err != nil || m.Format != formats.XGBoost {
			t.Errorf("%s: %v, %v", number, m.Format, err)
		}
	}
}

// set replaces what lies at a path in a value, or removes it.
func set(at any, value any, path ...any) {
	for _, step := range path[:len(path)-1] {
		if i, ok := step.(int); ok {
			at = at.(list)[i]
		} else {
			at = at.(dict)[step.(string)]
		}
	}
	switch last := path[len(path)-1].(type) {
	case int:
		at.(list)[last] = value
	case string:
		if value == nil {
			delete(at.(dict), last)
		} else {
			at.(dict)[last] = value
		}
	}
}

// node3 is a tree of a root and two leaves.
func node3() dict {
	return dict{
		"base_weights": list{0.5, 0.25, -0.25}, "default_left": list{0, 0, 0}, "id": 0, "left_children": list{1, -1, -1},
		"loss_changes": list{7.5, 0.0, 0.0}, "parents": list{2147483647, 0, 0}, "right_children": list{2, -1, -1},
		"split_conditions": list{3.0, 0.25, -0.25}, "split_indices": list{1, 0, 0}, "sum_hessian": list{6.5, 2.5, 4.5},
		"split_type": list{0, 0, 0}, "categories": list{}, "categories_nodes": list{}, "categories_segments": list{}, "categories_sizes": list{},
		"tree_param": dict{"num_deleted": "0", "num_feature": "2", "num_nodes": "3", "size_leaf_vector": "1"},
	}
}

// booster is a whole model of one tree.
func booster() dict {
	return dict{
		"learner": dict{
			"attributes": dict{}, "feature_names": list{"a", "b"}, "feature_types": list{},
			"gradient_booster": dict{"name": "gbtree", "model": dict{
				"gbtree_model_param": dict{"num_parallel_tree": "1", "num_trees": "1"}, "iteration_indptr": list{0, 1}, "tree_info": list{0},
				"trees": list{node3()},
			}},
			"learner_model_param": dict{"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
			"objective":           dict{"name": "binary:logistic"},
		},
		"version": list{3, 2, 0},
	}
}

// encodings returns a value in JSON and in UBJSON as XGBoost writes it.
func encodings(t testing.TB, value any) map[ref.Path][]byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return map[ref.Path][]byte{"m.json": text, "m.ubj": ubj(nil, value)}
}

// ubj appends a value: lists of numbers as typed ones.
func ubj(out []byte, value any) []byte {
	chars := func(out []byte, s string) []byte {
		return append(binary.BigEndian.AppendUint64(append(out, 'L'), uint64(len(s))), s...)
	}
	switch v := value.(type) {
	case dict:
		out = append(out, '{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = ubj(chars(out, key), v[key])
		}
		return append(out, '}')
	case list:
		if len(v) > 0 {
			switch v[0].(type) {
			case int:
				out = binary.BigEndian.AppendUint64(append(out, "[$L#L"...), uint64(len(v)))
				for _, n := range v {
					i, _ := n.(int)
					out = binary.BigEndian.AppendUint64(out, uint64(int64(i)))
				}
				return out
			case float64:
				out = binary.BigEndian.AppendUint64(append(out, "[$d#L"...), uint64(len(v)))
				for _, n := range v {
					f, _ := n.(float64)
					out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(f)))
				}
				return out
			}
		}
		out = binary.BigEndian.AppendUint64(append(out, "[#L"...), uint64(len(v)))
		for _, element := range v {
			out = ubj(out, element)
		}
		return out
	case string:
		return chars(append(out, 'S'), v)
	case int:
		return binary.BigEndian.AppendUint64(append(out, 'L'), uint64(int64(v)))
	default:
		return append(out, 'Z')
	}
}

func TestTheOutputOfAnXGBoostModelFollowsFromItsObjective(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		objective, classes, targets string
		want                        []int64
	}{
		{"binary:logistic", "0", "1", []int64{-1}},
		{"rank:ndcg", "0", "1", []int64{-1}},
		{"reg:squarederror", "0", "3", []int64{-1, 3}},
		{"multi:softprob", "3", "1", []int64{-1, 3}},
		{"multi:softmax", "3", "1", []int64{-1}},
	} {
		whole := booster()
		set(whole, c.objective, "learner", "objective", "name")
		set(whole, c.classes, "learner", "learner_model_param", "num_class")
		set(whole, c.targets, "learner", "learner_model_param", "num_target")
		for name, file := range encodings(t, whole) {
			m, err := recogniseAs(name, file)
			if err != nil || !reflect.DeepEqual(m.Outputs, []formats.TensorInfo{{Name: "output", Datatype: "FP32", Shape: c.want}}) {
				t.Errorf("%s, %v: %v, %v", name, c, m.Outputs, err)
			}
		}
	}
}

func TestModelsThatXGBoostLoadsAreRead(t *testing.T) {
	t.Parallel()
	const tree = "learner/gradient_booster/model/trees/0"
	for name, change := range map[string]func(whole dict){
		"of 1.0, without what came later": func(whole dict) {
			for _, key := range []string{"split_type", "categories", "categories_nodes", "categories_segments", "categories_sizes"} {
				set(whole, nil, at(tree, key)...)
			}
			set(whole, nil, "learner", "gradient_booster", "model", "iteration_indptr")
			set(whole, nil, "learner", "feature_names")
			set(whole, "5E-1", "learner", "learner_model_param", "base_score")
			set(whole, "0", at(tree, "tree_param", "size_leaf_vector")...)
		},
		"dart": func(whole dict) {
			old := whole["learner"].(dict)["gradient_booster"].(dict)
			set(whole, dict{"name": "dart", "gbtree": old, "weight_drop": list{0.5}}, "learner", "gradient_booster")
		},
		"gblinear": func(whole dict) {
			set(whole, dict{"name": "gblinear", "model": dict{"weights": list{0.5, 0.25, 1.0}, "boosted_rounds": 2}}, "learner", "gradient_booster")
		},
		"a split by category": func(whole dict) {
			set(whole, list{1, 0, 0}, at(tree, "split_type")...)
			set(whole, list{3, 7}, at(tree, "categories")...)
			set(whole, list{0}, at(tree, "categories_nodes")...)
			set(whole, list{0}, at(tree, "categories_segments")...)
			set(whole, list{2}, at(tree, "categories_sizes")...)
		},
		"leaves with two outputs": func(whole dict) {
			set(whole, "2", "learner", "learner_model_param", "num_target")
			set(whole, "2", at(tree, "tree_param", "size_leaf_vector")...)
			set(whole, list{0.5, 0.5, 0.5, 0.5}, at(tree, "leaf_weights")...)
			set(whole, list{2, 0, 1}, at(tree, "right_children")...)
			set(whole, list{-1, 0, 0}, at(tree, "parents")...)
		},
		"a pruned node": func(whole dict) {
			set(whole, list{-1, -1, -1}, at(tree, "left_children")...)
			set(whole, list{-1, -1, -1}, at(tree, "right_children")...)
			set(whole, list{0, 2147483647, 2147483647}, at(tree, "split_indices")...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := booster()
			change(whole)
			for name, file := range encodings(t, whole) {
				if m, err := recogniseAs(name, file); err != nil || m.Format != formats.XGBoost {
					t.Errorf("%s: %v, %v", name, m.Format, err)
				}
			}
		})
	}
}

func TestTheBestIterationIsAFinding(t *testing.T) {
	t.Parallel()
	whole := booster()
	set(whole, "7", "learner", "attributes", "best_iteration")
	m, err := recogniseAs("m.json", encodings(t, whole)["m.json"])
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Code != "best_iteration" || m.Findings[0].Unsafe {
		t.Errorf("findings are %v, %v", m.Findings, err)
	}
}
