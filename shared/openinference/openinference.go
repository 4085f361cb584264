// Package openinference speaks the Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol): its tensors, its
// REST messages in JSON and in the binary tensor data extension, its gRPC messages, and a client of both.
//
// A tensor's elements are kept in one byte slice in the wire's own form, whatever message they came in, so that gRPC and the binary
// extension copy nothing, and JSON is read in one pass without a value per element. Memory is a small multiple of the message's length,
// which the caller bounds. What is wrong with a message is a fault of kind Invalid that names the tensor.
package openinference
