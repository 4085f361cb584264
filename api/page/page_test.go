package page_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/17882237881/MaaS/api/page"
)

func TestOfKeepsAPageAndSaysWhereTheNextBegins(t *testing.T) {
	t.Parallel()
	request := page.Request{Size: 2}
	cases := map[string]struct {
		items, want []int
		next        string
	}{
		"none": {nil, nil, ""}, "fewer": {[]int{1}, []int{1}, ""}, "as many": {[]int{1, 2}, []int{1, 2}, ""}, "one more": {[]int{1, 2, 3}, []int{1, 2}, "2"},
	}
	for name, c := range cases {
		got := page.Of(request, c.items, strconv.Itoa)
		if !slices.Equal(got.Items, c.want) || got.Next != c.next {
			t.Errorf("%s: page is %+v", name, got)
		}
	}
}

func TestSealSignsOnlyACursorThatIsThere(t *testing.T) {
	t.Parallel()
	sign := func(cursor string) string { return "signed " + cursor }
	last, middle := page.Page[int]{}, page.Page[int]{Items: []int{1}, Next: "1"}
	last.Seal(sign)
	middle.Seal(sign)
	if last.Items == nil || last.Next != "" || middle.Next != "signed 1" {
		t.Errorf("pages are %+v and %+v", last, middle)
	}
}
