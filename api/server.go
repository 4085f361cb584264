package api

// ServerVersion is the answer to GET /version: what the server was built from.
type ServerVersion struct {
	Function string `json:"function"`
	Module   string `json:"module"`
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // built from a tree that differs from the commit
	Go       string `json:"go"`
}
