// Package progress shows the progress of a push: a bar on a terminal, lines elsewhere.
package progress
