// Package layout checks what no linter sees: that the repository is laid out as ARCHITECTURE.md says. It has tests alone.
package layout
