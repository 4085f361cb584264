package formats

// aboveMark asks take for the values above the MARK.
const aboveMark = -1

// take pops the topmost n values, or those above the MARK, and looks at what goes into a container with them.
func (s *pickleScan) take(n int) (values []pickleValue, err error) {
	if n == aboveMark {
		values, err = s.popMark()
	} else {
		values, err = s.pop(n)
	}
	if err != nil {
		return nil, err
	}
	return values, s.inside(values)
}

// added returns what adds the topmost n values, or those above the MARK, to the value below them.
func added(n int) func(*pickleScan, pickleRead) error {
	return func(s *pickleScan, _ pickleRead) error {
		if _, err := s.take(n); err != nil {
			return err
		}
		_, err := s.top()
		return err
	}
}

// collected makes a list or a set of the values above the MARK.
func collected(s *pickleScan, _ pickleRead) error {
	if _, err := s.take(aboveMark); err != nil {
		return err
	}
	return s.push(nil)
}

// tuple makes a tuple of the topmost n values, or of those above the MARK.
func (s *pickleScan) tuple(n int) error {
	values, err := s.take(n)
	if err != nil {
		return err
	}
	return s.push(newPickleTuple(values))
}

func emptyDict(s *pickleScan, _ pickleRead) error {
	return s.push(&pickleDict{items: map[string]pickleValue{}})
}

// dict makes a dictionary of the pairs above the MARK.
func (s *pickleScan) dict() error {
	values, err := s.popMark()
	if err != nil {
		return err
	}
	d := &pickleDict{items: map[string]pickleValue{}}
	if err := s.setAll(d, values); err != nil {
		return err
	}
	return s.push(d)
}

// setItem sets the topmost pair in what is below.
func (s *pickleScan) setItem() error {
	pair, err := s.pop(2)
	if err != nil {
		return err
	}
	return s.setTop(pair)
}

// setItems sets the pairs above the MARK in what is below.
func (s *pickleScan) setItems() error {
	pairs, err := s.popMark()
	if err != nil {
		return err
	}
	return s.setTop(pairs)
}

func (s *pickleScan) setTop(pairs []pickleValue) error {
	object, err := s.top()
	if err != nil {
		return err
	}
	return s.setAll(object, pairs)
}

// setAll sets pairs in an object, and takes note of those that are of interest.
func (s *pickleScan) setAll(object pickleValue, pairs []pickleValue) error {
	if len(pairs)%2 == 1 {
		return malformed(s.at, "has a key without a value")
	}
	d, isDict := object.(*pickleDict)
	for i := 0; i < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if err := s.inside(pairs[i : i+2]); err != nil {
			return err
		}
		s.report.note(key, value)
		if isDict {
			d.set(key, value)
		}
	}
	return nil
}

// note takes note of a tensor with its name, and of the version of scikit-learn.
func (r *pickleReport) note(key, value pickleValue) {
	name, ok := key.(string)
	if !ok {
		return
	}
	switch value := value.(type) {
	case string:
		if name == "_sklearn_version" && r.version == "" && checkName(value, 0) == nil && len(value) <= maxPickleKey {
			r.version = value
		}
	case *pickleTensor:
		if elements := elementsOf(value.info.Shape); value.named && elements >= 0 && r.elements+elements >= r.elements {
			r.elements += elements
		}
		if r.names += len(name); value.named && len(r.tensors) < maxTensors && r.names <= maxNames && checkName(name, 0) == nil {
			r.tensors = append(r.tensors, TensorInfo{Name: name, Datatype: value.info.Datatype, Shape: value.info.Shape})
		}
	}
}

func loadLine(s *pickleScan, a pickleRead) error {
	index, err := s.index(a)
	if err != nil {
		return err
	}
	return s.load(index)
}

func storeLine(s *pickleScan, a pickleRead) error {
	index, err := s.index(a)
	if err != nil {
		return err
	}
	return s.store(index)
}
