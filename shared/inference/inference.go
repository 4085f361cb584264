// Package inference is the gateway's way of a call: it finds the version that a reference leads to, reads the body, waits until the version runs and a
// slot at its model server is free, calls that and returns the answer unchanged. It speaks the Open Inference Protocol, version 2, over REST and
// gRPC, and knows no database. The file pipeline.go has the steps in their order.
//
// Callers share the memory for bodies, the slots and the queues by the rule of package share. What a call takes of memory is charged before it is there, by
// what it takes here and not by what was sent: bodies without their compression, buffers while they grow, decoded messages, and answers as far as they
// are read ahead of a client. Large bodies are expanded, decoded, hashed and encoded in slots of package decoding. A slot at a model server is free again
// when that has answered, however slowly the client reads, unless the answer is longer than what is left of the caller's share. A client that goes away,
// or whose deadline passes, ends its call at the model server too.
package inference
