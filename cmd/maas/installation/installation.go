// Package installation manages what an installation on one machine keeps for itself: its secret keys, its database schema, and the file by
// which the operator's commands find it.
package installation
