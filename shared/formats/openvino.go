package formats

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// openvino reads OpenVINO's intermediate representation: XML, beside which a file of the same name that ends with .bin has the weights
// (docs.openvino.ai, OpenVINO IR format; src/core/xml_util of github.com/openvinotoolkit/openvino).
type openvino struct{}

func (openvino) about() about {
	return about{
		format: OpenVINO, name: "an OpenVINO model", endings: []string{".xml"}, maxSize: 256 << 20,
		advice: "without its weights, which are in a file beside it",
	}
}

var openvinoHead = regexp.MustCompile(`^(\xef\xbb\xbf)?\s*(<\?xml[^>]*\?>)?\s*(<!--[^>]*-->\s*)*<net\s`)

func (openvino) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	return openvinoHead.Match(head), err
}

// openvinoMost bounds the layers of a model, and the names of what they give.
const openvinoMost = 1 << 17

// openvinoPort is an output of a layer.
type openvinoPort struct {
	layer, port string // ids
}

// openvinoResult is a layer that gives an output of the model.
type openvinoResult struct {
	id    string
	found TensorInfo // its name is empty where what it is of has the name
	at    int64
}

// openvinoReading gathers what the file says.
type openvinoReading struct {
	*xmlReader
	model    Model
	nets     int
	names    map[openvinoPort]string // of what the layers of the model give
	layers   map[string]string       // their own names, by id
	sources  map[string]openvinoPort // what each layer takes at its first input, where that is asked for
	results  []openvinoResult
	length   int // bytes of all names
	weights  ExternalFile
	versions map[string]bool // of layers that no set of operators has
}

func (openvino) read(f *file) (Model, error) {
	r := &openvinoReading{
		xmlReader: f.xml(), model: newModel(OpenVINO), names: map[openvinoPort]string{}, layers: map[string]string{},
		sources: map[string]openvinoPort{}, versions: map[string]bool{},
	}
	if err := r.children(r.net); err != nil {
		return Model{}, err
	}
	if r.nets != 1 {
		return Model{}, malformed(f.size, "ends with %d elements net; it has one", r.nets)
	}
	if err := r.finish(f.size); err != nil {
		return Model{}, err
	}
	base := path.Base(string(f.path))
	if r.weights.Size > 0 && f.path != "" {
		r.weights.Path = ref.Path(strings.TrimSuffix(base, path.Ext(base)) + ".bin")
		r.model.External = append(r.model.External, r.weights)
	}
	return r.model, nil
}

// net reads the file's one element.
func (r *openvinoReading) net(e xmlElement) error {
	if r.nets++; r.nets > 1 || e.name != "net" {
		return malformed(e.at, "has the element %s where it has to end", shorten(e.name))
	}
	said, _ := e.attribute("version")
	version, err := strconv.ParseInt(said, 10, 64)
	if err != nil || version < 10 || version > 11 {
		return malformed(e.at, "has the version %s; 10 and 11 are read", shorten(said))
	}
	r.model.Producer, r.model.IRVersion = "openvino", version
	seen := map[string]bool{}
	return r.children(func(e xmlElement) error {
		if seen[e.name] && (e.name == "layers" || e.name == "edges") {
			return malformed(e.at, "has the element %s twice", e.name)
		}
		switch e.name {
		case "layers":
			seen[e.name] = true
			return r.children(func(e xmlElement) error { return r.layer(e, &openvinoLayer{top: true}) })
		case "edges":
			seen[e.name] = true
			return r.children(r.edge)
		case "rt_info":
			return r.children(r.runtimeInfo)
		}
		return nil
	})
}

// runtimeInfo reads what the tools that wrote the file left.
func (r *openvinoReading) runtimeInfo(e xmlElement) error {
	said, _ := e.attribute("value")
	name, _ := e.attribute("name")
	switch {
	case e.name == "__weights_path" || name == "__weights_path": // where the library keeps the path of the weights
		return &Refusal{UnsafeReference, OpenVINO, "this OpenVINO model says where its weights are; they have to be beside it"}
	case e.name == "Runtime_version":
		if err := checkName(said, e.at); err != nil {
			return err
		}
		r.model.ProducerVersion = said
	}
	return nil
}

// layer reads a layer of the model, or of a body in one of its layers.
func (r *openvinoReading) layer(e xmlElement, l *openvinoLayer) error {
	if e.name != "layer" {
		return malformed(e.at, "has the element %s among its layers", shorten(e.name))
	}
	id, _ := e.attribute("id")
	name, _ := e.attribute("name")
	kind, _ := e.attribute("type")
	version, _ := e.attribute("version")
	for _, text := range []string{id, name, kind, version} {
		if err := checkName(text, e.at); err != nil {
			return err
		}
	}
	if r.length += len(name) + len(id); r.length > maxNames || len(r.layers) == openvinoMost {
		return tooComplex("has more than %d layers, or more than %d bytes of names", openvinoMost, maxNames)
	}
	if l.top {
		if _, doubled := r.layers[id]; doubled || id == "" {
			return malformed(e.at, "has two layers with the id %s, or one without", shorten(id))
		}
		r.layers[id] = name
	}
	if version != "" && !strings.HasPrefix(version, "opset") && len(r.versions) < maxKinds {
		r.versions[version] = true
	}
	l.id, l.kind, l.at = id, kind, e.at
	outputs, _ := e.attribute("output_names")
	l.output = openvinoFirst(outputs)
	err := r.children(func(e xmlElement) error { return r.layerPart(l, e) })
	if err != nil {
		return err
	}
	return r.addLayer(l, name)
}

// openvinoFirst returns the name that stands for several: the least one (ov::Output::get_any_name). They are joined with commas; those in them
// have a backslash.
func openvinoFirst(names string) string {
	const comma = "\x00" // XML has no such character
	least := ""
	for name := range strings.SplitSeq(strings.ReplaceAll(names, `\,`, comma), ",") {
		if name = strings.ReplaceAll(name, comma, ","); name != "" && (least == "" || name < least) {
			least = name
		}
	}
	return least
}

// edge reads which layer's output a result is of.
func (r *openvinoReading) edge(e xmlElement) error {
	var ends [3]string
	for i, name := range []string{"from-layer", "from-port", "to-layer"} {
		ends[i], _ = e.attribute(name)
		if _, err := strconv.ParseUint(ends[i], 10, 63); err != nil || e.name != "edge" {
			return malformed(e.at, "has an edge without %s", name)
		}
	}
	if _, asked := r.sources[ends[2]]; asked {
		r.sources[ends[2]] = openvinoPort{ends[0], ends[1]}
	}
	return nil
}

// finish names the outputs, once the edges are known. size is the file's.
func (r *openvinoReading) finish(size int64) error {
	taken := map[string]bool{}
	for _, result := range r.results {
		from := r.sources[result.id]
		if result.found.Name == "" {
			result.found.Name = r.names[from]
		}
		if result.found.Name == "" {
			result.found.Name = r.layers[from.layer]
		}
		if result.found.Name == "" || taken[result.found.Name] {
			return malformed(result.at, "has two outputs with the name %s, or one without", shorten(result.found.Name))
		}
		taken[result.found.Name] = true
		r.model.Outputs = append(r.model.Outputs, result.found)
	}
	if len(r.model.Outputs) == 0 {
		return malformed(size, "ends without an output (a layer of the type Result)")
	}
	for _, version := range slices.Sorted(maps.Keys(r.versions)) {
		r.model.Findings = append(r.model.Findings, Finding{
			Code: "custom_domain", Detail: fmt.Sprintf("layers of the version %s need an extension of OpenVINO", shorten(version)),
		})
	}
	return nil
}

// extentsEnd returns where so many bytes from a byte on end, and whether a file can have them.
func extentsEnd(begin, size uint64) (int64, bool) {
	if begin > math.MaxInt64 || size > math.MaxInt64-begin {
		return 0, false
	}
	return signed(begin + size), true
}
