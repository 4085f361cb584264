package httpapi

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// noteDoubled notes in s each member that an object within a value has more than once, by its path below path. Readers differ in which of them
// counts (RFC 8259, 4). raw is valid JSON of any depth.
func noteDoubled(s *strict, raw []byte, path string) {
	if len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var open []container
	for {
		token, err := decoder.Token()
		if err != nil {
			return // the end
		}
		at := path
		if len(open) > 0 {
			inner := &open[len(open)-1]
			if name, ok := token.(string); ok && inner.awaitsName() {
				inner.member(s, name)
				continue
			}
			at = inner.next()
		}
		switch token {
		case json.Delim('{'):
			open = append(open, container{path: at, names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, container{path: at})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// container is an object or an array within which noteDoubled is.
type container struct {
	path  string
	names map[string]bool // of the members so far; nil of an array
	named string          // the path of the member whose value comes next
	value bool            // that value comes next, not a name
	index int             // of the array's next element
}

// awaitsName reports whether the next token within the container is the name of a member.
func (c *container) awaitsName() bool { return c.names != nil && !c.value }

// member takes the name of the object's next member. A name that came before is noted in s.
func (c *container) member(s *strict, name string) {
	c.named, c.value = join(c.path, name), true
	if c.names[name] {
		s.note(c.named, "is given more than once")
	}
	c.names[name] = true
}

// next returns the path of the value that comes next in the container, and counts it. At the container's end the path has no meaning.
func (c *container) next() string {
	if c.names != nil {
		c.value = false
		return c.named
	}
	c.index++
	return c.path + "[" + strconv.Itoa(c.index-1) + "]"
}
