package formats

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// savedModel reads TensorFlow's saved_model.pb: protobuf, which has no signature, so that its name alone tells it. Field numbers are those of
// saved_model.proto, meta_graph.proto, graph.proto, node_def.proto and function.proto (github.com/tensorflow/tensorflow, tensorflow/core).
type savedModel struct{}

func (savedModel) about() about {
	return about{
		format: SavedModel, name: "a TensorFlow SavedModel", endings: []string{}, names: []string{"saved_model.pb"}, maxSize: maxProtobuf,
		advice: "which is protobuf's limit", unsigned: true, code: true,
	}
}

func (s savedModel) recognises(f *file) (bool, error) {
	return slices.Contains(s.about().names, strings.ToLower(path.Base(string(f.path)))), nil
}

const (
	savedModelVersion = 1  // kSavedModelSchemaVersion
	maxMetaGraphs     = 64 // and tags of one
	servingTag        = "serve"
	servingSignature  = "serving_default"
)

// savedModelGraph is what a MetaGraphDef says. A file has one for each use of the model, told by its tags.
type savedModelGraph struct {
	tags    []string
	version string // of TensorFlow
	signed  bool   // it has a signature for serving
	inputs  []TensorInfo
	outputs []TensorInfo
}

// savedModelReading gathers what the file says.
type savedModelReading struct {
	*file
	model     Model
	version   int64
	graphs    []savedModelGraph
	operators map[Operator]int
	found     map[savedModelFinding]int64 // where the first of them is
	assets    map[ref.Path]bool
}

func (savedModel) read(f *file) (Model, error) {
	r := &savedModelReading{
		file: f, model: newModel(SavedModel), operators: map[Operator]int{}, found: map[savedModelFinding]int64{}, assets: map[ref.Path]bool{},
	}
	err := r.each(message{0, f.size}, once(1), func(v field) (err error) {
		switch v.number {
		case 1:
			r.version, err = v.int()
		case 2:
			err = r.within(v, r.metaGraph)
		}
		return err
	})
	if _, refused := errors.AsType[*Refusal](err); refused && r.version != savedModelVersion {
		return Model{}, errOther
	}
	if err != nil {
		return Model{}, err
	}
	return r.finish()
}

// metaGraph reads a MetaGraphDef.
func (r *savedModelReading) metaGraph(m message) error {
	if len(r.graphs) == maxMetaGraphs {
		return tooComplex("has more than %d graphs", maxMetaGraphs)
	}
	var g savedModelGraph
	signatures := map[string]bool{}
	err := r.each(m, once(1, 2), func(v field) error {
		switch v.number {
		case 1:
			return r.within(v, func(m message) error { return r.metaInfo(m, &g) })
		case 2:
			return r.within(v, r.graph)
		case 5:
			return r.within(v, func(m message) error { return r.signature(m, &g, signatures) })
		case 6:
			return r.within(v, r.asset)
		case 3, 4, 7: // saver_def, collection_def, object_graph_def
			_, err := v.message()
			return err
		}
		return nil
	})
	r.graphs = append(r.graphs, g)
	return err
}

// metaInfo reads a MetaInfoDef.
func (r *savedModelReading) metaInfo(m message, g *savedModelGraph) error {
	return r.each(m, once(5), func(v field) (err error) {
		switch v.number {
		case 4:
			tag, err := r.textOf(v)
			if len(g.tags) == maxMetaGraphs {
				return tooComplex("has a graph with more than %d tags", maxMetaGraphs)
			}
			g.tags = append(g.tags, tag)
			return err
		case 5:
			g.version, err = r.textOf(v)
		}
		return err
	})
}

// asset reads an AssetFileDef: the name of a file in the folder assets.
func (r *savedModelReading) asset(m message) error {
	return r.each(m, once(1, 2), func(v field) error {
		if v.number != 2 {
			return nil
		}
		name, err := r.textOf(v)
		if err != nil {
			return err
		}
		file, err := ref.ParsePath("assets/" + name)
		switch {
		case err != nil:
			return &Refusal{UnsafeReference, SavedModel, "this TensorFlow SavedModel has the asset " + shorten(name) + ", which is not in its folder assets"}
		case len(r.assets) == maxExternal:
			return tooComplex("has more than %d assets", maxExternal)
		}
		r.assets[file] = true
		return nil
	})
}

// finish checks the model as a whole and orders what was gathered.
func (r *savedModelReading) finish() (Model, error) {
	switch {
	case r.version != savedModelVersion:
		return Model{}, malformed(r.size, "ends with the schema version %d; %d is the one that there is", r.version, savedModelVersion)
	case len(r.graphs) == 0:
		return Model{}, malformed(r.size, "ends without a graph")
	}
	m := &r.model
	m.Producer, m.Architecture = "tensorflow", ""
	served, err := r.served()
	if err != nil {
		return Model{}, err
	}
	m.ProducerVersion, m.Inputs, m.Outputs = served.version, append(m.Inputs, served.inputs...), append(m.Outputs, served.outputs...)
	if !served.signed {
		m.Findings = append(m.Findings, Finding{
			Code: "no_signature", Detail: `it has no signature "` + servingSignature + `" for the tag "` + servingTag + `", which says what it takes and gives`,
		})
	}
	m.setOperators(r.operators)
	for file := range r.assets {
		m.External = append(m.External, ExternalFile{Path: file, Size: 1})
	}
	m.sortExternal()
	r.report()
	return *m, nil
}

// served returns the graph that servers load: that with the one tag for serving, else the first that has it among others, else none.
func (r *savedModelReading) served() (savedModelGraph, error) {
	exact := func(g savedModelGraph) bool { return slices.Equal(g.tags, []string{servingTag}) }
	first := slices.IndexFunc(r.graphs, exact)
	if first >= 0 && slices.ContainsFunc(r.graphs[first+1:], exact) {
		return savedModelGraph{}, malformed(r.size, "ends with two graphs that have the one tag %q", servingTag)
	}
	if first < 0 {
		first = slices.IndexFunc(r.graphs, func(g savedModelGraph) bool { return slices.Contains(g.tags, servingTag) })
	}
	if first < 0 {
		return savedModelGraph{version: r.graphs[0].version}, nil
	}
	return r.graphs[first], nil
}
