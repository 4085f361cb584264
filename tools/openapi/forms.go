package main

// foreign are the forms of types that are not ours.
var foreign = map[string]object{
	"time.Time":       {{"type", "string"}, {"format", "date-time"}},
	"json.RawMessage": {},
}

const (
	name     = `[a-z0-9](-?[a-z0-9])*`
	number   = `(0|[1-9][0-9]*)`
	identity = `(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)` // of a pre-release (SemVer 2.0.0, 9)
	release  = number + `\.` + number + `\.` + number + `(-` + identity + `(\.` + identity + `)*)?`
)

// forms are the forms of types that read themselves. What pattern and length cannot say, the types' comments do.
var forms = map[string]object{
	"Permission":             text("^([a-z-]+|\\*):([a-z-]+|\\*)$", "inference:execute"),
	"Scope":                  text("^([a-z]+|\\*):([a-z]+|\\*)$", "inference:execute"),
	"AliasNames":             list(reference("schemas", "ref.Alias"), 10),
	"ID":                     {{"type", "string"}, {"format", "uuid"}},
	"Changelog":              upTo(0, 16384),
	"Description":            upTo(0, 4096),
	"Label":                  upTo(0, 64),
	"Metadata":               {{"type", "object"}, {"additionalProperties", true}, {"maxProperties", 64}},
	"ComparedVersions":       text(`^.+\.\.\..+$`, "1.3.0...1.4.0"),
	"Quantity":               text(`^([0-9]{1,9}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?)?$`, "500m"),
	"ModelQuery":             upTo(1, 200),
	"Reason":                 upTo(1, 1024),
	"Replicas":               {{"type", "integer"}, {"minimum", 0}, {"maximum", 100}},
	"Tag":                    upTo(1, 63),
	"Tags":                   list(reference("schemas", "Tag"), 32),
	"Traffic":                list(share, 10),
	"openinference.Datatype": datatype,
	"Email":                  {{"type", "string"}, {"format", "email"}, {"maxLength", 254}, {"examples", []string{"ana@example.com"}}},
	"KeyName":                upTo(1, 100),
	"Password":               {{"type", "string"}, {"format", "password"}, {"minLength", 1}, {"maxLength", 128}},
	"Username":               text(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`, "ana"),
	"ref.Alias":              named(`^[a-z][a-z0-9]*([.-][a-z0-9]+)*$`, "production"),
	"ref.Digest":             text(`^([0-9a-f]{64})?$`, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	"ref.Model":              text("^"+name+"/"+name+"$", "acme/fraud"),
	"ref.Pattern":            text("^"+name+"/([a-z0-9-][a-z0-9*-]*|\\*)$", "acme/fraud-*"),
	"ref.Name":               named("^"+name+"$", "fraud"),
	"ref.Path":               {{"type", "string"}, {"minLength", 1}, {"maxLength", 512}, {"examples", []string{"model.onnx"}}},
	"ref.Selector":           {{"type", "string"}, {"maxLength", 128}, {"examples", []string{"1.4.0", "production", "^1.2"}}},
	"ref.Tenant":             named("^"+name+"$", "acme"),
	"ref.Version":            text("^("+release+")?$", "1.4.0"),
	"StatsWindow":            text("^([0-9.]+(h|m|s))+$", "24h"),
	"MD5":                    text("^([0-9a-f]{32})?$", "d41d8cd98f00b204e9800998ecf8427e"),
	"Preference":             text("", "wait=30"),
}

// share is api.Target, which is read as a part of api.Traffic.
var share = object{
	{"type", "object"},
	{"required", []string{"version", "weight"}},
	{"properties", object{
		{"version", reference("schemas", "ref.Version")},
		{"weight", object{{"type", "integer"}, {"minimum", 1}, {"maximum", 100}, {"description", "percent"}}},
	}},
}

// text returns the schema of a string with a pattern, "" for none, and an example.
func text(pattern, example string) object {
	return object{{"type", "string"}}.with("pattern", pattern).with("examples", []string{example})
}

// named returns the schema of a string of up to 63 bytes, which becomes part of a host name.
func named(pattern, example string) object { return text(pattern, example).with("maxLength", 63) }

// upTo returns the schema of a string of least to most characters.
func upTo(least, most int) object {
	return object{{"type", "string"}, {"minLength", least}, {"maxLength", most}}
}

// list returns the schema of an array of up to most items.
func list(items object, most int) object {
	return object{{"type", "array"}, {"items", items}, {"maxItems", most}}
}
