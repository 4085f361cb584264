package formats

// gradientBooster reads what predicts. That of dart has one of trees in it.
func (x *xgboostReading) gradientBooster() error {
	return x.members(map[string]func() error{
		"name":  func() error { return x.name(&x.booster) },
		"model": x.boosterModel,
		"gbtree": func() error {
			return x.members(map[string]func() error{"model": x.boosterModel})
		},
		"weight_drop": func() (err error) { x.dropped, err = x.count(); return err },
	})
}

// boosterModel reads trees, or the weights of a linear model.
func (x *xgboostReading) boosterModel() error {
	if x.trees >= 0 || x.weights >= 0 {
		return malformed(x.at(), "has a second model in its gradient_booster")
	}
	return x.members(map[string]func() error{
		"gbtree_model_param": func() error {
			return x.members(map[string]func() error{"num_trees": func() error { return x.number(&x.declared, maxTrees) }})
		},
		"iteration_indptr": x.iterations,
		"tree_info":        x.treeInfo,
		"trees": func() error {
			x.trees = 0
			return x.list(x.readTree)
		},
		"weight_drop": func() (err error) { x.dropped, err = x.count(); return err },
		"weights":     func() (err error) { x.weights, err = x.count(); return err },
	})
}

// iterations reads with which tree each iteration begins, and at last how many trees there are. The library looks at the last of them unchecked.
func (x *xgboostReading) iterations() error {
	begin := x.at()
	err := x.list(func(i int) error {
		at := x.at()
		n, err := x.int(0)
		switch {
		case err != nil:
			return err
		case i == 0 && n != 0, n < x.ends:
			return malformed(at, "has the iterations begin with tree %d after tree %d", n, max(x.ends, 0))
		}
		x.ends = n
		return nil
	})
	if err == nil && x.ends < 0 {
		return malformed(begin, "has an empty list of iterations")
	}
	return err
}

// treeInfo reads to which output each tree belongs.
func (x *xgboostReading) treeInfo() error {
	x.groups = 0
	return x.list(func(int) error {
		n, err := x.int(0)
		x.groups++
		x.lastGroup = max(x.lastGroup, n)
		return err
	})
}

// finishBooster checks the booster against the model's groups of outputs; size is the file's.
func (x *xgboostReading) finishBooster(size, groups int64) error {
	switch x.booster {
	case "gbtree", "dart":
		return x.finishTrees(size, groups)
	case "gblinear":
		if want := (x.features + 1) * groups; x.weights != want || x.trees >= 0 { // one for each feature, and a bias (gblinear_model.h)
			return malformed(size, "ends with %d weights; %d features and %d outputs take %d", x.weights, x.features, groups, want)
		}
		x.model.Parameters = x.weights
		return nil
	default:
		return malformed(size, "ends with the booster %s; gbtree, dart and gblinear are known", shorten(x.booster))
	}
}

func (x *xgboostReading) finishTrees(size, groups int64) error {
	switch {
	case x.trees < 0 || x.declared != x.trees:
		return malformed(size, "ends with %d trees, and says that it has %d", x.trees, x.declared)
	case x.groups != x.trees:
		return malformed(size, "ends with the outputs of %d trees (tree_info), and has %d", x.groups, x.trees)
	case x.ends >= 0 && x.ends != x.trees:
		return malformed(size, "ends with iterations of %d trees, and has %d", x.ends, x.trees)
	case x.dropped > 0 && x.dropped != x.trees:
		return malformed(size, "ends with %d weights for %d trees", x.dropped, x.trees)
	case x.weights >= 0:
		return malformed(size, "ends with the weights of a linear model besides trees")
	case x.lastGroup >= groups:
		return malformed(size, "ends with a tree for output %d of %d", x.lastGroup, groups)
	case x.lastSplit >= x.features:
		return malformed(size, "ends with a tree that asks for feature %d of %d", x.lastSplit, x.features)
	case x.leafVector > 1 && (x.leafVector != groups || x.lastGroup > 0):
		return malformed(size, "ends with %d outputs in each leaf of its trees, and %d of the model", x.leafVector, groups)
	}
	return nil
}
