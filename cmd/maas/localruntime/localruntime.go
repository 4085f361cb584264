// Package localruntime runs the model servers of one machine. The server of a version is a child process, which the first call starts and
// which is stopped when it has been idle, as Knative does on a cluster. The supervisor handles the events that the function deploy-version
// handles there.
package localruntime
