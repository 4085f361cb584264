package formats

// mark puts a MARK on the stack.
func (s *pickleScan) mark() error {
	if len(s.marks) >= maxPickleStack {
		return tooComplex("has more than %d marks on its stack, at byte %d", maxPickleStack, s.at)
	}
	s.marks = append(s.marks, len(s.stack))
	return nil
}

// stop ends the pickle with the topmost value as its result.
func (s *pickleScan) stop() error {
	top, err := s.pop(1)
	if err != nil {
		return err
	}
	s.done = true
	s.report.stopped++
	return s.inside(top)
}

// discard takes the topmost value, or a MARK, from the stack.
func discard(s *pickleScan, _ pickleRead) error {
	if len(s.marks) > 0 && s.base() == len(s.stack) {
		s.marks = s.marks[:len(s.marks)-1]
		return nil
	}
	_, err := s.pop(1)
	return err
}

func discardToMark(s *pickleScan, _ pickleRead) error {
	_, err := s.popMark()
	return err
}

func (s *pickleScan) duplicate() error {
	v, err := s.top()
	if err != nil {
		return err
	}
	return s.push(v)
}

func protocol(s *pickleScan, a pickleRead) error {
	if a.number > highestProtocol {
		return malformed(s.at, "has pickle's protocol %d; up to %d are known", a.number, highestProtocol)
	}
	return nil
}

func outOfBand(s *pickleScan, _ pickleRead) error {
	return malformed(s.at, "has data outside of the pickle, which a file cannot have")
}

// extension is a class by a number that programs agree on beforehand.
func extension(s *pickleScan, a pickleRead) error {
	if a.number <= 0 {
		return malformed(s.at, "has an extension without a valid number")
	}
	s.find("import", "imports an extension by its number, which is only known when it is loaded")
	return s.push(&pickleStrange)
}

// global imports what its two lines name.
func global(s *pickleScan, a pickleRead) error { return s.push(s.imported(a.text, a.other)) }

// stackGlobal imports what the two topmost values name.
func stackGlobal(s *pickleScan, _ pickleRead) error {
	names, err := s.pop(2)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch name.(type) {
		case pickleNone, bool, int64, pickleTuple, *pickleDict:
			return malformed(s.at, "imports something whose name is no text")
		}
	}
	return s.push(s.imported(names[0], names[1]))
}

// inside makes sure that no array that joblib has still to read gets into another value, or is called: it would be lost from sight. numpy's
// class of dtypes, of which the same is true, is a finding.
func (s *pickleScan) inside(values []pickleValue) error {
	for _, v := range values {
		_, array := v.(*joblibArray)
		class, ok := v.(*pickleGlobal)
		switch {
		case s.arrays && (array || ok && class.isJoblibArray()):
			return malformed(s.at, notJoblibArray)
		case ok && class.isNumPyType():
			s.find("dtype", notNumPyType)
		}
	}
	return nil
}

// pickleOnlyMade are the classes that a pickle makes without a call: with some arguments they would read a file.
var pickleOnlyMade = map[string]bool{"lightgbm.basic.Booster": true, "xgboost.core.Booster": true}

// called records a call of a class or function that pickles do not call.
func (s *pickleScan) called(v *pickleGlobal) {
	if pickleOnlyMade[v.module+"."+v.name] {
		s.find("call", "calls "+v.String()+", which may read a file")
	}
}

// callable records a call of something that is only known when it is called. What is imported has been judged already.
func (s *pickleScan) callable(v pickleValue) *pickleGlobal {
	s.report.calls = true
	class, ok := v.(*pickleGlobal)
	if !ok {
		s.find("call", "calls something that is only known when it is loaded")
		return &pickleStrange
	}
	return class
}

// call calls what lies below its arguments on the stack.
func (s *pickleScan) call(arguments int) error {
	values, err := s.pop(1 + arguments)
	if err != nil {
		return err
	}
	class := s.callable(values[0])
	within := values
	if arguments == 1 && class.isNumPyType() {
		within = values[1:] // numpy calls it so itself
	}
	if err := s.inside(within); err != nil {
		return err
	}
	tuple, _ := values[1].(pickleTuple)
	if arguments > 1 { // NEWOBJ_EX makes an object
		return s.push(nil)
	}
	s.called(class)
	return s.result(class, tuple)
}

// result pushes what a call returns, as far as it is of interest.
func (s *pickleScan) result(called *pickleGlobal, arguments pickleTuple) error {
	switch {
	case called.isNumPyType():
		if !isNumPyCall(arguments) {
			s.find("dtype", notNumPyType)
		}
		return s.push(newNumPyType(arguments))
	case called.module == "torch._utils":
		return s.push(torchTensor(called.name, arguments))
	default:
		return s.push(nil)
	}
}

// create makes an object of the class below the arguments on the stack.
func (s *pickleScan) create() error {
	values, err := s.pop(2)
	if err != nil {
		return err
	}
	class := s.callable(values[0])
	if !s.arrays || !class.isJoblibArray() {
		if err := s.inside(values); err != nil {
			return err
		}
		return s.push(nil)
	}
	if arguments, ok := values[1].(pickleTuple); !ok || len(arguments) > 0 || s.pending != nil {
		return malformed(s.at, notJoblibArray)
	}
	s.pending = &joblibArray{}
	return s.push(s.pending)
}

// instance calls an imported class with the values above the MARK.
func instance(s *pickleScan, a pickleRead) error {
	class := s.imported(a.text, a.other)
	values, err := s.popMark()
	if err != nil {
		return err
	}
	s.report.calls = true
	s.called(class)
	if err := s.inside(append([]pickleValue{class}, values...)); err != nil {
		return err
	}
	return s.push(nil)
}

// object calls the class above the MARK with the values above that.
func object(s *pickleScan, _ pickleRead) error {
	values, err := s.popMark()
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return malformed(s.at, "has an object without a class")
	}
	s.called(s.callable(values[0]))
	if err := s.inside(values); err != nil {
		return err
	}
	return s.push(nil)
}

// build gives the object below it its state.
func (s *pickleScan) build() error {
	state, err := s.pop(1)
	if err != nil {
		return err
	}
	given := state[0]
	s.report.calls = true
	if err := s.inside(state); err != nil {
		return err
	}
	object, err := s.top()
	if err != nil {
		return err
	}
	switch object := object.(type) {
	case *joblibArray:
		return s.array(object, given)
	case *numPyType:
		if !object.set(given) {
			s.find("dtype", notNumPyType)
		}
	case *pickleGlobal:
		s.find("build", "changes "+object.String())
	case pickleForgotten:
		s.find("build", "changes something that is only known when it is loaded")
	}
	if dict, ok := given.(*pickleDict); ok {
		dict.lose()
	}
	return nil
}

// persistent pushes what the program that loads the file keeps outside of it: of PyTorch's, the storage of a tensor.
func (s *pickleScan) persistent(id pickleValue) error {
	key, _ := id.(pickleTuple) // torchStorage accepts no other
	if storage := torchStorage(id); storage != nil && s.storages {
		if err := s.report.stored(key, storage.info.Datatype); err != nil {
			return err
		}
		return s.push(storage)
	}
	s.find("persistent_id", "asks the program that loads it for an object")
	return s.push(nil)
}

func persistentLine(s *pickleScan, _ pickleRead) error { return s.persistent(nil) }

func persistentValue(s *pickleScan, _ pickleRead) error {
	id, err := s.pop(1)
	if err != nil {
		return err
	}
	if err := s.inside(id); err != nil {
		return err
	}
	return s.persistent(id[0])
}
