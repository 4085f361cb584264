package maas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// needed has, for each type that answers are decoded into, the members without which an answer is of no use; "files[].path" is that of each
// file, if there are files. A member that is null or "" is missing. An answer of another type must have some member.
var needed = map[reflect.Type][]string{
	reflect.TypeFor[api.CacheStats]():    {"levels"},
	reflect.TypeFor[api.Alias]():         {"alias"},
	reflect.TypeFor[api.Comparison]():    {"model", "a", "b"},
	reflect.TypeFor[api.Model]():         {"model"},
	reflect.TypeFor[api.Models]():        {"items", "items[].model"},
	reflect.TypeFor[api.AliasMove]():     {"moved_at"},
	reflect.TypeFor[api.Version]():       {"model", "version", "status", "deployment.status", "files[].path", "files[].size", "files[].sha256"},
	reflect.TypeFor[api.Key]():           {"id"},
	reflect.TypeFor[api.Me]():            {"tenant"},
	reflect.TypeFor[api.Registration]():  {"tenant", "user.email"},
	reflect.TypeFor[api.Tokens]():        {"access_token", "refresh_token", "expires_in"},
	reflect.TypeFor[api.ServerVersion](): {"function"},
	reflect.TypeFor[api.Upload]():        {"id", "model", "version", "path", "size", "chunk_size", "chunk_count", "status"},
	reflect.TypeFor[api.UsageRow]():      {"period"},
	reflect.TypeFor[api.ModelStats]():    {"model"},
}

// members returns what an answer of a type needs, nil for an unknown type. A page needs its items, and each item what its type needs.
func members(of reflect.Type) []string {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if names, ok := needed[of]; ok {
		return names
	}
	items, ok := reflect.StructField{}, false
	if of.Kind() == reflect.Struct && strings.HasPrefix(of.Name(), "Page[") {
		items, ok = of.FieldByName("Items")
	}
	if !ok {
		return nil
	}
	names := []string{"items"}
	for _, name := range members(items.Type.Elem()) {
		names = append(names, "items[]."+name)
	}
	return names
}

// complete fails with Upstream if an answer is empty or lacks what the type of out needs: it is not an answer of MaaS, though its status says success.
func (c *Client) complete(answer []byte, out any) error {
	if text := bytes.TrimSpace(answer); bytes.Equal(text, []byte("{}")) || bytes.Equal(text, []byte("null")) {
		return c.incomplete("is empty")
	}
	for _, name := range members(reflect.TypeOf(out)) {
		if !has(answer, strings.Split(name, ".")) {
			return c.incomplete(fmt.Sprintf("lacks %q", name))
		}
	}
	return nil
}

// incomplete returns the Upstream error of an answer. how says what is wrong with it.
func (c *Client) incomplete(how string) error {
	return fault.New(fault.Upstream, fmt.Sprintf("The server's answer %s: is %s a MaaS server?", how, c.server))
}

// has reports whether a JSON object has a value at a path of member names. null and "" count as absent. A name that
// ends in [] stands for each item of a list, all of which must have the rest of the path; an absent list has it.
func has(object json.RawMessage, path []string) bool {
	if len(path) == 0 {
		text := string(object)
		return text != "" && text != "null" && text != `""`
	}
	name, each := strings.CutSuffix(path[0], "[]")
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return false
	}
	if !each {
		return has(all[name], path[1:])
	}
	var items []json.RawMessage
	if text := all[name]; text != nil && json.Unmarshal(text, &items) != nil {
		return false
	}
	for _, item := range items {
		if !has(item, path[1:]) {
			return false
		}
	}
	return true
}
