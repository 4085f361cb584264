package formats

import "strings"

// npz is what numpy.savez writes: an archive of arrays (numpy/lib/_npyio_impl.py).
var npz = zipFormat{
	known: about{format: NPZ, name: "an npz file", endings: []string{".npz"}, asset: true, pickled: true},
	is: func(names zipNames) bool {
		for name := range names {
			if !strings.HasSuffix(name, ".npy") {
				return false
			}
		}
		return len(names) > 0
	},
	read: readNPZ,
}

func readNPZ(a *zipArchive) error {
	names := 0
	for i := range a.entries {
		e := &a.entries[i]
		head, err := a.begin(e)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(head), numpyMagic) {
			return inEntry(e, malformed(0, "is no array of NumPy"))
		}
		array, err := readNumPy(head, e.size)
		if err != nil {
			return inEntry(e, err)
		}
		if len(array.Findings) > 0 {
			continue // they were found before
		}
		if array.Parameters <= e.size { // those of no size are not counted
			a.model.Parameters += array.Parameters
		}
		info := array.Tensors[0]
		info.Name = e.name[:len(e.name)-len(".npy")]
		if names += len(info.Name); len(a.model.Tensors) < maxTensors && names <= maxNames {
			a.model.Tensors = append(a.model.Tensors, info)
		}
	}
	return nil
}
