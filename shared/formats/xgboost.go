package formats

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// xgboost reads XGBoost's models, which are the same tree of values in JSON and in UBJSON (xgboost.readthedocs.io, Introduction to Model IO;
// doc/model.schema). What would make the library read outside of its arrays is refused: it checks their lengths only in part.
type xgboost struct{}

func (xgboost) about() about {
	return about{
		format: XGBoost, name: "an XGBoost model", endings: []string{".ubj"}, maxSize: 2 << 30,
		advice: "which would take too long to check",
	}
}

var (
	xgboostJSON = regexp.MustCompile(`^\s*\{\s*("version"\s*:\s*\[[\d\s,]*\]\s*,\s*)?"learner"\s*:\s*\{\s*` +
		`"(attributes|feature_names|feature_types|gradient_booster|learner_model_param|objective)"`)
	xgboostUBJ = regexp.MustCompile(`^\{L\x00{7}\x07(learner\{|version\[)`)
)

// recognises takes an object that begins with a learner and one of its members for a model.
func (xgboost) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	return xgboostJSON.Match(head) || xgboostUBJ.Match(head), err
}

// xgboostSource reads the values of a model one after the other: *jsonReader or *ubjReader.
type xgboostSource interface {
	object(visit func(key string) error) error
	list(visit func(i int) error) error
	count() (int64, error)
	skip() error
	longText() (string, error)
	int(low int64) (int64, error)
	at() int64
	end() error
}

// xgboostReading gathers what a model says; counts are -1 as long as it has not been said.
type xgboostReading struct {
	xgboostSource
	model      Model
	booster    string
	objective  string
	features   int64
	classes    int64
	targets    int64
	softmax    int64 // the classes that the objective has
	scores     int64 // base scores
	names      int64 // of features
	types      int64
	declared   int64 // trees
	trees      int64
	groups     int64 // the entries of tree_info, one for each tree
	lastGroup  int64 // the largest of them
	ends       int64 // the last entry of iteration_indptr
	dropped    int64 // weights of dart's trees
	weights    int64 // of a linear model
	best       int64 // best_iteration
	leafVector int64 // outputs of each leaf
	lastSplit  int64 // the largest index of a feature that a tree asks for
	categories int64 // bits that the library takes for sets of categories
	tree       xgboostTree
}

func (xgboost) read(f *file) (Model, error) {
	head, err := f.peek(0, 2)
	if err != nil {
		return Model{}, err
	}
	x := &xgboostReading{
		model: newModel(XGBoost), features: -1, classes: -1, targets: -1, softmax: -1, scores: -1, names: -1, types: -1, declared: -1, trees: -1,
		groups: -1, lastGroup: -1, ends: -1, dropped: -1, weights: -1, best: -1, leafVector: -1, lastSplit: -1,
	}
	if string(head) == "{L" {
		x.xgboostSource = f.ubj(0)
	} else {
		x.xgboostSource = f.pythonJSON(0, f.size)
	}
	err = x.members(map[string]func() error{"learner": x.learner, "version": x.version})
	if err != nil {
		return Model{}, err
	}
	if err := x.end(); err != nil {
		return Model{}, err
	}
	return x.finish(f.size)
}

// members reads an object by what reads each of its members; others are skipped.
func (x *xgboostReading) members(read map[string]func() error) error {
	const most = 1024 // keys
	n := 0
	return x.object(func(key string) error {
		if n++; n > most {
			return tooComplex("has an object with more than %d keys, at byte %d", most, x.at())
		}
		if known, ok := read[key]; ok {
			return known()
		}
		return x.skip()
	})
}

func (x *xgboostReading) learner() error {
	return x.members(map[string]func() error{
		"attributes":          x.attributes,
		"feature_names":       func() error { return x.texts(&x.names) },
		"feature_types":       func() error { return x.texts(&x.types) },
		"gradient_booster":    x.gradientBooster,
		"learner_model_param": x.parameters,
		"objective": func() error {
			return x.members(map[string]func() error{
				"name": func() error { return x.name(&x.objective) },
				"softmax_multiclass_param": func() error {
					return x.members(map[string]func() error{"num_class": func() error { return x.number(&x.softmax, maxGroups) }})
				},
			})
		},
	})
}

// version reads [3, 2, 0].
func (x *xgboostReading) version() error {
	const most = 4
	var parts []string
	err := x.list(func(i int) error {
		n, err := x.int(-1)
		if i == most {
			return malformed(x.at(), "has a version of more than %d numbers", most)
		}
		parts = append(parts, strconv.FormatInt(n, 10))
		return err
	})
	x.model.Producer, x.model.ProducerVersion = "xgboost", strings.Join(parts, ".")
	return err
}

// attributes reads what callers and training leave with the model.
func (x *xgboostReading) attributes() error {
	return x.members(map[string]func() error{"best_iteration": func() error { return x.number(&x.best, maxTrees) }})
}

// parameters reads learner_model_param.
func (x *xgboostReading) parameters() error {
	return x.members(map[string]func() error{
		"num_feature": func() error { return x.number(&x.features, maxFeatures) },
		"num_class":   func() error { return x.number(&x.classes, maxGroups) },
		"num_target":  func() error { return x.number(&x.targets, maxGroups) },
		"base_score":  x.baseScore,
	})
}

// baseScore reads one number, or since 3.1 a list of them in brackets, out of a text.
func (x *xgboostReading) baseScore() error {
	at := x.at()
	text, err := x.longText()
	if err != nil {
		return err
	}
	x.scores = 0
	for score := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), ",") {
		if _, err := strconv.ParseFloat(strings.TrimSpace(score), 32); err != nil {
			return malformed(at, "has the base_score %s", shorten(text))
		}
		x.scores++
	}
	return nil
}

// name reads a text that can be shown.
func (x *xgboostReading) name(into *string) (err error) {
	at := x.at()
	if *into, err = x.longText(); err != nil {
		return err
	}
	return checkName(*into, at)
}

// number reads a number that is written as text, in digits alone: the library's own parser stops at the first other character.
func (x *xgboostReading) number(into *int64, most int64) error {
	var text string
	at := x.at()
	if err := x.name(&text); err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case err != nil:
		return malformed(at, "has %s where a whole number has to be", shorten(text))
	case signed(n) > most:
		return tooComplex("has the number %d at byte %d, where %d is the largest that is read", n, at, most)
	}
	*into = signed(n)
	return nil
}

// texts counts the texts of a list.
func (x *xgboostReading) texts(into *int64) error {
	*into = 0
	return x.list(func(int) error {
		*into++
		_, err := x.longText()
		return err
	})
}

// finish checks the model as a whole; size is the file's.
func (x *xgboostReading) finish(size int64) (Model, error) {
	groups := max(x.classes, x.targets, 1)
	switch {
	case x.features < 1:
		return Model{}, malformed(size, "ends without a number of features (learner_model_param, num_feature)")
	case x.classes > 1 && x.targets > 1:
		return Model{}, malformed(size, "ends with %d classes and %d targets; the library has no model of both", x.classes, x.targets)
	case x.objective == "":
		return Model{}, malformed(size, "ends without the name of an objective")
	case x.softmax >= 0 && x.softmax != max(x.classes, 0):
		return Model{}, malformed(size, "ends with %d classes in the model and %d in its objective", x.classes, x.softmax)
	case x.scores != 1 && x.scores != groups:
		return Model{}, malformed(size, "ends with %d base scores for %d outputs", x.scores, groups)
	case x.names > 0 && x.names != x.features, x.types > 0 && x.types != x.features:
		return Model{}, malformed(size, "ends with %d names and %d types of %d features", x.names, x.types, x.features)
	}
	if err := x.finishBooster(size, groups); err != nil {
		return Model{}, err
	}
	m := &x.model
	m.Producer, m.Architecture = "xgboost", x.booster
	m.Trees = max(x.trees, 0)
	if x.objective == "multi:softmax" { // predict gives the best class (src/objective/multiclass_obj.cu)
		groups = 1
	}
	m.treeTensors("FP32", x.features, groups)
	if x.best >= 0 {
		m.Findings = append(m.Findings, Finding{
			Code: "best_iteration", Detail: fmt.Sprintf("training found iteration %d to be the best; a prediction is that of all iterations", x.best),
		})
	}
	return *m, nil
}
