// Package httpapi is how the functions speak HTTP: strict decoding, problem+json, pages, entity tags, credentials and permissions.
//
// A function makes a Mux and adds its routes with Handle, Stream and Mount. What a route needs of its caller, and what success is
// answered with, stands in the table (Routes) and nowhere else.
package httpapi
