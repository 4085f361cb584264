package formats

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// maxAttributes bounds the attributes of one element.
const maxAttributes = 256

// xmlReader reads XML element by element, in bounded memory. Names are not taken apart at colons. A document type, which could declare entities,
// is refused.
type xmlReader struct {
	from    *boundedXML
	decoder *xml.Decoder
	open    []string // the elements that have begun
}

// xmlElement is the begin of an element.
type xmlElement struct {
	name       string
	attributes []xml.Attr
	at         int64 // where it ends
}

// attribute returns the value of an attribute, and whether the element has it.
func (e xmlElement) attribute(name string) (string, bool) {
	for _, a := range e.attributes {
		if xmlName(a.Name) == name {
			return a.Value, true
		}
	}
	return "", false
}

func xmlName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// xml reads the file as XML.
func (f *file) xml() *xmlReader {
	bounded := &boundedXML{f: f}
	return &xmlReader{from: bounded, decoder: xml.NewDecoder(bounded)}
}

// token returns the next token that is not a comment, a text or the declaration; io.EOF at the end of the file.
func (x *xmlReader) token() (xml.Token, error) {
	for {
		x.from.left = maxText
		at := x.decoder.InputOffset()
		token, err := x.decoder.RawToken()
		if err != nil {
			return nil, x.explain(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, malformed(at, "has a document type, which is not read")
		case xml.CharData:
			if len(x.open) == 0 && strings.TrimSpace(strings.TrimPrefix(string(t), "\ufeff")) != "" {
				return nil, malformed(at, "has text outside of its XML")
			}
		case xml.StartElement, xml.EndElement:
			return token, nil
		}
	}
}

// children calls visit for each child of the element that began last, and reads its end. visit reads a child whole, or nothing of it: then it is
// skipped. In no element the file's one element is the child.
func (x *xmlReader) children(visit func(child xmlElement) error) error {
	depth := len(x.open)
	for {
		token, err := x.token()
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		start, begins := token.(xml.StartElement)
		if !begins {
			return x.close(token)
		}
		child, err := x.begin(start)
		if err != nil {
			return err
		}
		if err := visit(child); err != nil {
			return err
		}
		if len(x.open) > depth { // it was not read
			if err := x.children(func(xmlElement) error { return nil }); err != nil {
				return err
			}
		}
	}
}

// text reads the text in the element that began last, and its end.
func (x *xmlReader) text() (string, error) {
	var text strings.Builder
	for {
		x.from.left = maxName
		at := x.decoder.InputOffset()
		token, err := x.decoder.RawToken()
		if err != nil {
			return "", x.explain(err)
		}
		switch t := token.(type) {
		case xml.CharData:
			if text.Write(t); text.Len() > maxName {
				return "", malformed(at, "has a text of more than %d bytes", maxName)
			}
		case xml.EndElement:
			return text.String(), x.close(token)
		case xml.StartElement, xml.Directive:
			return "", malformed(at, "has an element where a text has to be")
		}
	}
}

// begin notes that an element has begun. Of two attributes of one name readers differ in which they take.
func (x *xmlReader) begin(start xml.StartElement) (xmlElement, error) {
	found := xmlElement{name: xmlName(start.Name), attributes: start.Attr, at: x.decoder.InputOffset()}
	if len(x.open) == maxNests {
		return found, tooComplex("has XML that is nested more than %d deep", maxNests)
	}
	if len(start.Attr) > maxAttributes {
		return found, tooComplex("has an element with more than %d attributes, at byte %d", maxAttributes, found.at)
	}
	for i, a := range start.Attr {
		for _, b := range start.Attr[:i] {
			if a.Name == b.Name {
				return found, malformed(found.at, "has the attribute %s twice in an element", shorten(xmlName(a.Name)))
			}
		}
	}
	x.open = append(x.open, found.name)
	return found, nil
}

// close notes that the last element ends.
func (x *xmlReader) close(token xml.Token) error {
	end, _ := token.(xml.EndElement)
	name, at := xmlName(end.Name), x.decoder.InputOffset()
	if len(x.open) == 0 || x.open[len(x.open)-1] != name {
		return malformed(at, "has the end of an element %s that did not begin", shorten(name))
	}
	x.open = x.open[:len(x.open)-1]
	return nil
}

// explain turns the decoder's errors into refusals; io.EOF and those of reading stay what they are.
func (x *xmlReader) explain(err error) error {
	syntax, broken := errors.AsType[*xml.SyntaxError](err)
	at := x.decoder.InputOffset()
	switch {
	case x.from.err != nil && !errors.Is(x.from.err, io.EOF):
		return x.from.err
	case errors.Is(err, io.EOF) && len(x.open) == 0:
		return io.EOF
	case x.from.err != nil:
		return truncated(x.from.f.size, "XML is not closed that began", at)
	case broken:
		return malformed(at, "has XML that cannot be read: %s", syntax.Msg)
	default:
		return malformed(at, "has XML that cannot be read: %v", err)
	}
}

// boundedXML passes the bytes of a file on, and fails where a token is longer than maxText: a decoder would hold it in memory.
type boundedXML struct {
	f    *file
	pos  int64
	left int   // bytes that the token may still have
	err  error // what reading ended with
}

// ReadByte makes the decoder read no further than its token.
func (b *boundedXML) ReadByte() (byte, error) {
	switch {
	case b.pos >= b.f.size:
		b.err = io.EOF
		return 0, b.err
	case b.left == 0:
		b.err = tooComplex("has an element or a text of more than %d bytes in its XML, at byte %d", maxText, b.pos)
		return 0, b.err
	}
	at, err := b.f.peek(b.pos, 1)
	if err != nil {
		b.err = err
		return 0, err
	}
	b.pos++
	b.left--
	return at[0], nil
}

// Read reads one byte; the decoder asks for no more.
func (b *boundedXML) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}
