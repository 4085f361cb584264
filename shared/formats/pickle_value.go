package formats

import "strings"

// pickleValue is what a scan knows of an object that a pickle makes: bool, int64, string, or one of the types below; nil is an object of which
// nothing is of interest.
type pickleValue any

type (
	// pickleNone is Python's None.
	pickleNone struct{}
	// pickleForgotten is an object of which something was known before memory for it ran out, or of which it is hidden what it is.
	pickleForgotten struct{}
	// pickleGlobal is an imported class or function.
	pickleGlobal struct{ module, name string }
	// pickleTuple holds at most maxPickleItems values.
	pickleTuple []pickleValue
	// pickleDict is a dictionary with text as keys. It is lost when it gets more than a scan keeps.
	pickleDict struct {
		items map[string]pickleValue
		lost  bool
	}
	// pickleTensor is a tensor of PyTorch, or the storage of one.
	pickleTensor struct {
		info  TensorInfo
		named bool // it is a tensor, and no storage
	}
)

// The bounds of what a scan of a pickle keeps. Together they are below 64 MiB.
const (
	maxPickleText   = 1 << 10 // bytes of a string that is kept
	maxPickleItems  = 16      // of a tuple or dictionary that is kept
	maxPickleItem   = 256     // weight of one of them in a dictionary
	maxPickleKey    = 32      // bytes of a key
	maxPickleTuple  = 8 << 10 // weight of a tuple
	maxPickleStack  = 1 << 19 // values
	pickleDepth     = 2100    // values on top of the stack that are kept: Python stores 1,000 pairs at once (pickle.py, _BATCHSIZE)
	maxPickleMemo   = 1 << 24 // greatest index
	pickleMemoSpace = 8 << 20 // weight of values in the memo that may be forgotten
	maxPicklePinned = 1 << 17 // values in the memo that may not be
)

// pickleWeight estimates the bytes of memory that a value takes, at most.
func pickleWeight(v pickleValue) int {
	const entry, dict = 64, maxPickleItems * (maxPickleItem + maxPickleKey + 32)
	switch v := v.(type) {
	case string:
		return entry + len(v)
	case pickleTuple:
		sum := entry
		for _, item := range v {
			sum += pickleWeight(item)
		}
		return sum
	case *pickleDict:
		return entry + dict
	case *pickleTensor:
		return 2*entry + 8*len(v.info.Shape)
	default:
		return entry
	}
}

// pickleKeeps reports whether a value must stay known: what is imported, since calls are judged by it.
func pickleKeeps(v pickleValue) bool {
	_, ok := v.(*pickleGlobal)
	return ok
}

// newPickleTuple returns a tuple of the values, or one of which nothing is kept if it is too large.
func newPickleTuple(items []pickleValue) pickleValue {
	if len(items) > maxPickleItems {
		return pickleForgotten{}
	}
	t := make(pickleTuple, len(items))
	copy(t, items)
	if pickleWeight(t) > maxPickleTuple {
		return pickleForgotten{}
	}
	return t
}

// set stores an item. A dictionary that gets too many or too large ones is lost.
func (d *pickleDict) set(key, value pickleValue) {
	name, ok := key.(string)
	_, dict := value.(*pickleDict)
	if dict {
		value = pickleForgotten{}
	}
	if d.lost = d.lost || !ok || len(name) > maxPickleKey || pickleWeight(value) > maxPickleItem; !d.lost {
		d.items[strings.Clone(name)] = value
	}
	if d.lost || len(d.items) > maxPickleItems {
		d.lose()
	}
}

// lose forgets what is in the dictionary.
func (d *pickleDict) lose() { d.lost, d.items = true, nil }
