package client

import "net/url"

// Query writes pairs of names and values as a URL's query, with its question mark; a value "" is left out.
func Query(pairs ...string) string {
	values := url.Values{}
	for len(pairs) > 1 {
		if pairs[1] != "" {
			values.Add(pairs[0], pairs[1])
		}
		pairs = pairs[2:]
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}
