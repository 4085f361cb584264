package formats

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// savedModelFinding is an operator for which there is a finding.
type savedModelFinding struct {
	operator string
	rule     int // of savedModelRules
}

// savedModelRules are operators that reach beyond the model when it predicts (tensorflow/core/ops). Those that save and restore its variables are
// in each model, and those that read a vocabulary in many.
var savedModelRules = []struct {
	operators *regexp.Regexp
	detail    string
	attribute string         // if not "", it is one only where this attribute has a text
	harmless  *regexp.Regexp // that is not like this
}{
	{regexp.MustCompile(`^(PyFunc|PyFuncStateless|EagerPyFunc|_PyFunc)$`), "calls Python", "", nil},
	{regexp.MustCompile(`^(TRTEngineOp|CreateTRTResourceHandle|InitializeTRTResource)$`), "runs a program of TensorRT's", "", nil},
	{regexp.MustCompile(`^(DatasetFromGraph|RemoteCall|RpcCall|RpcClient|RpcServer|XlaCustomCall|XlaCustomCallV2)$`), "runs what is not in its graph", "", nil},
	{regexp.MustCompile(`^(ReadFile|WriteFile|ImmutableConst|CreateSummaryFileWriter|CreateSummaryDbWriter)$`), "reads or writes a file", "", nil},
	{regexp.MustCompile(`^(Experimental)?MatchingFiles(Dataset)?$`), "lists files", "", nil},
	{regexp.MustCompile(`^(WholeFile|TextLine|FixedLengthRecord|TFRecord|LMDB)Reader(V2)?$`), "reads files", "", nil},
	{regexp.MustCompile(`^(Experimental)?(TextLine|FixedLengthRecord|TFRecord|LMDB|CSV|Sql|Load|Save|Snapshot|Cache|DataService)Dataset(V\d)?$`),
		"reads or writes files, or what a server gives", "", nil},
	{regexp.MustCompile(`^(Experimental)?DatasetToTFRecord$`), "writes files", "", nil},
	{regexp.MustCompile(`^Debug(Identity|NanCount|NumericSummary)(V\d)?$`), "sends tensors to files or servers", "", nil},
	{regexp.MustCompile(`^PrintV2$`), "writes to a file", "output_stream", regexp.MustCompile(`^(stdout|stderr|log\(\w+\))$`)},
	{regexp.MustCompile(`^(Decode|Encode)Proto(V2)?$`), "reads a file", "descriptor_source", regexp.MustCompile(`^(local|bytes)://`)},
}

// graph reads a GraphDef: its nodes and those of its functions.
func (r *savedModelReading) graph(m message) error {
	return r.each(m, once(2), func(v field) error {
		switch v.number {
		case 1:
			return r.within(v, r.node)
		case 2: // library
			return r.within(v, func(m message) error {
				return r.each(m, 0, func(v field) error {
					if v.number == 1 {
						return r.within(v, r.function)
					}
					return nil
				})
			})
		}
		return nil
	})
}

// function reads a FunctionDef.
func (r *savedModelReading) function(m message) error {
	return r.each(m, once(1), func(v field) error {
		if v.number == 3 {
			return r.within(v, r.node)
		}
		return nil
	})
}

// node reads a NodeDef.
func (r *savedModelReading) node(m message) error {
	operator := Operator{}
	texts := map[string]string{}
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 2:
			operator.Type, err = r.textOf(v)
		case 5:
			err = r.within(v, func(m message) error { return r.attribute(m, texts) })
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case operator.Type == "":
		return malformed(m.pos, "has a node without an operator")
	case r.operators[operator] == 0 && len(r.operators) == maxKinds:
		return tooComplex("has more than %d different operators", maxKinds)
	}
	if r.operators[operator]++; r.operators[operator] > 1 && len(texts) == 0 {
		return nil
	}
	for i, rule := range savedModelRules {
		said := texts[rule.attribute]
		if !rule.operators.MatchString(operator.Type) || rule.harmless != nil && (said == "" || rule.harmless.MatchString(said)) {
			continue
		}
		if at, ok := r.found[savedModelFinding{operator.Type, i}]; !ok || m.pos < at {
			r.found[savedModelFinding{operator.Type, i}] = m.pos
		}
	}
	return nil
}

// attribute notes the text of an attribute that a rule asks for. Of two of one name protobuf keeps the last.
func (r *savedModelReading) attribute(m message, texts map[string]string) error {
	key, value, err := r.entry(m)
	if err != nil {
		return err
	}
	asked := false
	for _, rule := range savedModelRules {
		asked = asked || rule.attribute == key && key != ""
	}
	if !asked {
		return nil
	}
	if _, doubled := texts[key]; doubled {
		return malformed(m.pos, "has the attribute %s of a node twice", shorten(key))
	}
	return r.each(value, once(2), func(v field) (err error) {
		if v.number != 2 { // s
			return nil
		}
		body, err := v.message()
		if err != nil {
			return err
		}
		b, err := r.peek(body.pos, int(min(maxName, body.end-body.pos))) // bytes of any kind; how they begin is enough
		texts[key] = string(b)
		return err
	})
}

// report adds the findings, in the order of the file.
func (r *savedModelReading) report() {
	begin := len(r.model.Findings)
	for found, at := range r.found {
		r.model.Findings = append(r.model.Findings, Finding{
			Code: "unsafe_operator", Detail: fmt.Sprintf("the operator %s %s", found.operator, savedModelRules[found.rule].detail), Unsafe: true, Offset: at,
		})
	}
	slices.SortFunc(r.model.Findings[begin:], func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), strings.Compare(a.Detail, b.Detail))
	})
}
