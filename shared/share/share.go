// Package share divides what callers have in common: memory, slots, queue places, connections, streams.
//
// It holds one rule, at two levels, so that no caller can take what is everybody's:
//
//   - A Pool is an amount that nobody waits for. A tenant may hold at most as much as it leaves free. This is the dynamic threshold of shared-memory
//     switches with alpha = 1 (Choudhury and Hahne, Dynamic queue length thresholds for shared-memory packet switches, IEEE/ACM ToN 6(2), 1998): a
//     tenant by itself gets half, two get a third each, n get 1/(n+1) each once what they held before has been returned, and whoever comes next
//     finds room for half of what is free. A credential may hold at most as much as it leaves of its tenant's share, so that one alone gets a
//     quarter of the pool (Lone).
//   - Slots are a semaphore whose callers wait. No slot stays free while anybody waits, so that a caller by itself may use all of them. A slot that
//     becomes free goes to the waiting tenant that holds fewest, within it to the waiting credential that holds fewest, and there to the call that
//     has waited longest; equals take turns. So nobody who holds half of the slots gets another while somebody who holds less waits. The places in
//     the queue are a Pool.
//
// Least held first, rather than plain round robin, because calls are not equally long: with round robin, the tenant with the longest calls comes to
// hold most of the slots.
package share

// Holder is whom an amount or a slot is charged to. A caller that is no principal yet has other names here, its address and its account for example.
type Holder struct {
	Tenant     string
	Credential string // within the tenant
}

// Lone is the divisor of what a credential may hold of a Pool that nobody else uses: the tenant gets half, and the credential half of that.
const Lone = 4

// freeListMax bounds the records that are kept for use again, so that a caller which comes and goes allocates nothing.
const freeListMax = 64

// recycled is a list of records that are free for use again.
type recycled[T any] struct{ free []*T }

// get returns a record that is free for use, or a new one.
func (r *recycled[T]) get() *T {
	if last := len(r.free) - 1; last >= 0 {
		t := r.free[last]
		r.free = r.free[:last]
		return t
	}
	return new(T)
}

// put keeps a record for get, up to freeListMax of them. The caller has cleared its fields.
func (r *recycled[T]) put(t *T) {
	if len(r.free) < freeListMax {
		r.free = append(r.free, t)
	}
}
