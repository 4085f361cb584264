// Package formatstest makes model files for tests: valid ones, large ones, and the parts of malformed ones.
package formatstest
