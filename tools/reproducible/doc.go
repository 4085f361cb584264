// Package reproducible has the test that an image can be made again: it needs a registry with base images, hence the build tag cluster.
package reproducible
