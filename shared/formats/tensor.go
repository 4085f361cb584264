package formats

import "math"

// element is a type of tensor elements.
type element struct {
	name     string
	bits     int64 // of one in raw data; 0: they have no raw form
	protocol bool  // the Open Inference Protocol has it
}

// bytesOf returns how many bytes a tensor's data takes; 0 where the elements have no raw form. It fails if the shape is none, or too large for any
// file; at is where the file says so.
func bytesOf(at int64, t TensorInfo, element element) (int64, error) {
	elements := int64(1)
	for _, extent := range t.Shape {
		if extent < 0 || extent > 0 && elements > math.MaxInt64/256/extent {
			return 0, malformed(at, "has the tensor %s with the shape %v", shorten(t.Name), t.Shape)
		}
		elements *= extent
	}
	return (elements*element.bits + 7) / 8, nil
}

// elementsOf returns how many elements a tensor of a shape that bytesOf accepts has.
func elementsOf(shape []int64) int64 {
	elements := int64(1)
	for _, extent := range shape {
		elements *= extent
	}
	return elements
}
