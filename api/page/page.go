// Package page is how lists are cut: what a list is asked for, and what it answers. httpapi reads the one from page_size and
// page_token, and signs the cursor of the other.
package page

// DefaultSize and MaxSize bound the items of a page.
const (
	DefaultSize = 50
	MaxSize     = 200
)

// Request is embedded in a list's request. Size is 1 to MaxSize. After is the cursor that the use case gave with the page before,
// and "" for the first page; that it comes from the same caller, route and filter is verified already.
type Request struct {
	Size  int
	After string
}

// Page is the answer of a list. Next is the cursor after the last item, in the use case's own form, and "" on the last page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_page_token"`
}

// Of makes a page of items that were read with a limit of r.Size+1. If there is one item too many it is dropped, and Next is the cursor of the last one
// that stays; else Next is "".
func Of[T any](r Request, items []T, cursor func(T) string) Page[T] {
	if len(items) <= r.Size {
		return Page[T]{Items: items}
	}
	return Page[T]{Items: items[:r.Size], Next: cursor(items[r.Size-1])}
}

// Seal replaces the cursor by what sign makes of it for the client, and absent items by an empty list. "" stays "".
func (p *Page[T]) Seal(sign func(cursor string) string) {
	if p.Items == nil {
		p.Items = []T{}
	}
	if p.Next != "" {
		p.Next = sign(p.Next)
	}
}
