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

// readSkops judges each type that the schema names by the list of what pickles may import.
func readSkops(a *zipArchive) error {
	const schema = "schema.json"
	keys := []string{"__class__", "__module__", "__loader__", "_skops_version"}
	return a.walk(schema, keys, func(at int64, texts map[string]string) {
		class, module, loader := texts["__class__"], texts["__module__"], texts["__loader__"]
		named := class != "" || module != "" || loader != ""
		if named && pickleAllowed(module, class) == nil && module+"."+class != "builtins.NoneType" {
			a.found(schema, "type", "holds the type "+pickleName(module)+"."+pickleName(class), at)
		}
		if named && !slices.Contains(skopsLoaders, loader) {
			a.found(schema, "type", "loads "+pickleName(module)+"."+pickleName(class)+" by "+pickleName(loader), at)
		}
		if version, ok := texts["_skops_version"]; ok && pickleAllowed(module, class) != nil {
			a.model.Architecture, a.model.Producer = class, "skops"
			if len(version) <= maxPickleKey && checkName(version, 0) == nil {
				a.model.ProducerVersion = version
			}
		}
	})
}
