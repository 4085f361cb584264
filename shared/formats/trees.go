package formats

import "math"

// The bounds of one decision tree, far above what is trained. A tree is held in memory while it is checked.
const (
	maxTreeNodes = 1 << 20
	maxTreeDepth = 4096    // libraries walk down a tree by recursion
	maxTrees     = 1 << 24 // of a model
	maxFeatures  = 1 << 24 // of a row; libraries take memory for each
	maxGroups    = 1 << 16 // outputs of a row: classes or targets
)

// walkTree follows a binary tree down from node 0 and returns how many nodes it has there. A negative child is none, others are in range and
// the child of one node at most. It fails if the tree is deeper than maxTreeDepth; at is where the file has it.
func walkTree(left, right []int32, at int64) (reached int, err error) {
	type step struct{ node, depth int32 }
	var later []step // right children whose left siblings are being followed: one for each level
	for next := (step{0, 1}); ; {
		if next.depth > maxTreeDepth {
			return 0, tooComplex("has a tree with more than %d levels, at byte %d", maxTreeDepth, at)
		}
		reached++
		l, r := left[next.node], right[next.node]
		switch {
		case l >= 0:
			if r >= 0 {
				later = append(later, step{r, next.depth + 1})
			}
			next = step{l, next.depth + 1}
		case r >= 0:
			next = step{r, next.depth + 1}
		case len(later) == 0:
			return reached, nil
		default:
			next, later = later[len(later)-1], later[:len(later)-1]
		}
	}
}

// treeTensors sets the one input and the one output of a model that predicts from rows of features. One output of a row has no axis of its own.
func (m *Model) treeTensors(datatype string, features, outputs int64) {
	m.Inputs = []TensorInfo{{Name: "input", Datatype: datatype, Shape: []int64{-1, features}}}
	shape := []int64{-1}
	if outputs > 1 {
		shape = append(shape, outputs)
	}
	m.Outputs = []TensorInfo{{Name: "output", Datatype: datatype, Shape: shape}}
}

// fitsInt32 reports whether a number lies from low to the largest int32.
func fitsInt32(n, low int64) bool { return n >= low && n <= math.MaxInt32 }
