// Package api has what MaaS and its clients say to each other: the resources of the API, the requests for them, their statuses, and the payloads of events.
//
// A value that was decoded from JSON or parsed is valid; what is malformed gives a fault of kind Invalid that names the field and the limit. In a request
// the tag path, query or header says where a field goes; all others are members of the body.
package api
