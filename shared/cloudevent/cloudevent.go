// Package cloudevent has the catalogue of MaaS's CloudEvents, and encodes, signs and posts them. It uses no database.
//
// Events are CloudEvents 1.0 over HTTP: structured JSON out, structured and binary in.
package cloudevent
