package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/jsontext"
)

// maxBody bounds a JSON body, in bytes.
const maxBody = 1 << 20

// checkBody fails with Invalid unless the body is one JSON object in UTF-8, not compressed, with the Content-Type application/json.
func checkBody(r *http.Request, body []byte) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return fault.New(fault.Invalid, "The body must not be compressed.", fault.Field("Content-Encoding"))
	}
	if kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" || !isUTF8(params["charset"]) {
		return fault.New(fault.Invalid, "The Content-Type of the body must be application/json.", fault.Field("Content-Type"))
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return fault.New(fault.Invalid, "The body is not one JSON value: "+syntax(err)+".", fault.Cause(err))
	}
	if bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return fault.New(fault.Invalid, "The body must be a JSON object.")
	}
	return jsontext.Check(body)
}

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

// syntax describes an error of json.Unmarshal for the user, with the byte at which the JSON is wrong if that is known.
func syntax(err error) string {
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s, at byte %d", at.Error(), at.Offset)
	}
	return "it is malformed"
}

// readBody reads the whole body. It fails with TooLarge beyond maxBody bytes, with the cause of the request's context if that has ended, and
// with Invalid if the body breaks off.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("The body is larger than %s bytes.", fault.Count(maxBody)))
	case err != nil && r.Context().Err() != nil:
		return nil, context.Cause(r.Context())
	case err != nil:
		return nil, fault.New(fault.Invalid, "The body could not be read to its end.", fault.Cause(err))
	default:
		return body, nil
	}
}
