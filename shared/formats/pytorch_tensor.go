package formats

// torchStorages are the classes of PyTorch's storages, with the datatypes of their elements (torch/storage.py, _dtype_to_storage_type_map).
var torchStorages = map[string]string{
	"DoubleStorage": "FP64", "FloatStorage": "FP32", "HalfStorage": "FP16", "LongStorage": "INT64", "IntStorage": "INT32", "ShortStorage": "INT16",
	"CharStorage": "INT8", "ByteStorage": "UINT8", "BoolStorage": "BOOL", "BFloat16Storage": "BF16", "ComplexDoubleStorage": "COMPLEX128",
	"ComplexFloatStorage": "COMPLEX64", "QUInt8Storage": "QUINT8", "QInt8Storage": "QINT8", "QInt32Storage": "QINT32", "UntypedStorage": "UINT8",
}

// torchTypes are the dtypes that tensors of an untyped storage have.
var torchTypes = map[string]string{
	"float64": "FP64", "float32": "FP32", "float16": "FP16", "bfloat16": "BF16", "int64": "INT64", "int32": "INT32", "int16": "INT16", "int8": "INT8",
	"uint64": "UINT64", "uint32": "UINT32", "uint16": "UINT16", "uint8": "UINT8", "bool": "BOOL", "complex64": "COMPLEX64", "complex128": "COMPLEX128",
	"float8_e4m3fn": "FLOAT8E4M3FN", "float8_e5m2": "FLOAT8E5M2",
}

// torchStorage returns the storage that a persistent id names ("storage", its class, key, place and number of elements: torch/serialization.py,
// persistent_load), or nil.
func torchStorage(id pickleValue) *pickleTensor {
	parts, ok := id.(pickleTuple)
	if !ok || len(parts) < 5 || parts[0] != pickleValue("storage") {
		return nil
	}
	class, ok := parts[1].(*pickleGlobal)
	if !ok {
		return nil
	}
	kind, ok := torchStorages[class.name]
	if !ok || class.module != "torch" && class.module != "torch.storage" {
		return nil
	}
	return &pickleTensor{info: TensorInfo{Datatype: kind}}
}

// torchTensor returns the tensor that a function of torch._utils makes of its arguments, or nil: nothing of interest.
func torchTensor(function string, arguments pickleTuple) pickleValue {
	if len(arguments) == 0 {
		return nil
	}
	from, ok := arguments[0].(*pickleTensor)
	if !ok {
		return nil
	}
	switch function {
	case "_rebuild_parameter", "_rebuild_parameter_with_state":
		return from
	case "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3": // storage, offset, size, stride, ...
		return torchRebuilt(from, arguments)
	default:
		return nil
	}
}

func torchRebuilt(from *pickleTensor, arguments pickleTuple) pickleValue {
	if len(arguments) < 4 {
		return nil
	}
	size, ok := arguments[2].(pickleTuple)
	if !ok {
		return nil
	}
	made := &pickleTensor{info: TensorInfo{Datatype: from.info.Datatype, Shape: []int64{}}, named: true}
	for _, extent := range size {
		n, ok := extent.(int64)
		if !ok {
			return nil
		}
		made.info.Shape = append(made.info.Shape, n)
	}
	if len(arguments) > 6 {
		if dtype, ok := arguments[6].(*pickleGlobal); ok && dtype.module == "torch" && torchTypes[dtype.name] != "" {
			made.info.Datatype = torchTypes[dtype.name]
		}
	}
	if _, err := bytesOf(0, made.info, element{}); err != nil {
		return nil
	}
	return made
}
