package formats

import "slices"

// skops is what skops.io.dump writes: the types and values of an object in schema.json, and its arrays beside it (skops/io/_persist.py).
var skops = zipFormat{
	known: about{format: Skops, name: "a skops file", endings: []string{".skops"}, kind: Sklearn, pickled: true},
	is:    func(names zipNames) bool { return names["schema.json"] },
	read:  readSkops,
}

// skopsLoaders are the ways to make an object that do nothing but call its type. What the others do depends on more than that: MethodNode,
// OperatorFuncNode, PartialNode and RandomGeneratorNode get functions by names of their own (skops/io/_general.py, _numpy.py).
var skopsLoaders = []string{
	"BytearrayNode", "BytesNode", "CachedNode", "ConstructorFromReduceNode", "DTypeNode", "DefaultDictNode", "DictNode", "FunctionNode", "JsonNode",
	"ListNode", "LossNode", "MaskedArrayNode", "NdArrayNode", "ObjectNode", "RandomStateNode", "SetNode", "SliceNode", "SparseMatrixNode", "TreeNode",
	"TupleNode", "TypeNode",
}

// skopsProtocols are the versions of the format. The file says by which of them skops reads it (skops/io/_protocol.py).
var skopsProtocols = []string{"0", "1", "2"}

// readSkops judges each type and function that the schema names by the list of what pickles may import.
func readSkops(a *zipArchive) error {
	const schema = "schema.json"
	protocol, end := "", int64(0) // of the last object, which is the outermost
	keys := []string{"__class__", "__module__", "__loader__", "_skops_version", "module_path", "function"}
	err := a.walk(schema, jsonWalk{wanted: keys, numbers: []string{"protocol"}, visit: func(at int64, texts map[string]string) {
		protocol, end = texts["protocol"], at
		a.skopsObject(schema, at, texts)
	}})
	if err == nil && !slices.Contains(skopsProtocols, protocol) {
		err = malformed(end, "has a schema without a protocol that is known: 0, 1 or 2")
	}
	return err
}

// skopsObject judges what an object of the schema names.
func (a *zipArchive) skopsObject(schema string, at int64, texts map[string]string) {
	class, module, loader := texts["__class__"], texts["__module__"], texts["__loader__"]
	named := class != "" || module != "" || loader != ""
	if named && pickleAllowed(module, class) == nil && module+"."+class != "builtins.NoneType" {
		a.found(schema, "type", "holds the type "+pickleName(module)+"."+pickleName(class), at)
	}
	if named && !slices.Contains(skopsLoaders, loader) {
		a.found(schema, "type", "loads "+pickleName(module)+"."+pickleName(class)+" by "+pickleName(loader), at)
	}
	// protocol 0 has functions by these names (skops/io/old/_general_v0.py)
	if from, name := texts["module_path"], texts["function"]; from+name != "" && pickleAllowed(from, name) == nil {
		a.found(schema, "type", "holds the function "+pickleName(from)+"."+pickleName(name), at)
	}
	if version, ok := texts["_skops_version"]; ok && pickleAllowed(module, class) != nil {
		a.model.Architecture, a.model.Producer = class, "skops"
		if len(version) <= maxPickleKey && checkName(version, 0) == nil {
			a.model.ProducerVersion = version
		}
	}
}
