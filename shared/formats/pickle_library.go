package formats

import (
	"strings"
	"sync"
)

// pickleStrange stands for each import that is not on the list.
var pickleStrange = pickleGlobal{}

// String returns the import as a sentence has it.
func (g *pickleGlobal) String() string {
	if g.module == "" {
		return "an import"
	}
	return g.module + "." + g.name
}

// pickleHarmless is the list of what a pickle may import.
type pickleHarmless struct {
	imports map[string]map[string]*pickleGlobal
	words   map[string]bool // its modules and names
}

var harmless = sync.OnceValue(func() pickleHarmless {
	list := pickleHarmless{map[string]map[string]*pickleGlobal{}, map[string]bool{}}
	for module, names := range pickleImports {
		list.imports[module] = map[string]*pickleGlobal{}
		list.words[module] = true
		for name := range strings.FieldsSeq(names) {
			list.imports[module][name] = &pickleGlobal{module, name}
			list.words[name] = true
		}
	}
	return list
})

// pickleAllowed returns an import that is on the list, or nil.
func pickleAllowed(module, name string) *pickleGlobal { return harmless().imports[module][name] }

// pickleKnows reports whether a string is the name of something on the list.
func pickleKnows(text string) bool { return harmless().words[text] }

// pickleProducers are the libraries whose models are recognised by their first import, with the prefixes of their modules.
var pickleProducers = []struct{ prefix, name string }{
	{"sklearn.", "scikit-learn"}, {"xgboost.", "XGBoost"}, {"lightgbm.", "LightGBM"},
}

// library takes note of the first class of a library of models: the outermost object.
func (r *pickleReport) library(imported *pickleGlobal) {
	if r.model != "" || strings.ToLower(imported.name) == imported.name {
		return
	}
	for _, p := range pickleProducers {
		if strings.HasPrefix(imported.module, p.prefix) {
			r.model, r.producer = imported.name, p.name
		}
	}
}

// fill puts what was found into a model.
func (r *pickleReport) fill(m *Model) {
	m.Architecture, m.Producer, m.Parameters = r.model, r.producer, r.elements
	if r.producer == "scikit-learn" {
		m.ProducerVersion = r.version
	}
	m.Findings = append(m.Findings, r.findings...)
	m.Tensors = append(m.Tensors, r.tensors...)
}
