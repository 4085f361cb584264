// Package ort runs models with ONNX Runtime by its C API (onnxruntime_c_api.h, MIT, Microsoft; API version 18, which every library from
// 1.18 on offers).
//
// It is not github.com/yalue/onnxruntime_go because that, at v1.27.0, cannot read a scalar output or an FP16 output whose shape is not known
// beforehand, cuts strings at a NUL byte, loads a model twice to learn its inputs, and hides the status codes that tell the caller's fault
// from the model's.
package ort
