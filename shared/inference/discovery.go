package inference

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

// Health returns gRPC's health service (grpc.health.v1.Health) and the prefix of its procedures. The service reports whether the gateway can
// authenticate calls.
func (g *Gateway) Health() (prefix string, service http.Handler) {
	return grpchealth.NewHandler(health{g}, decoding.WithReadMaxBytes(maxMessage))
}

type health struct{ *Gateway }

// Check implements grpchealth.Checker. It knows the server, "", and the inference service, and fails with NotFound for any other.
func (h health) Check(_ context.Context, in *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if in.Service != "" && in.Service != inferenceconnect.GRPCInferenceServiceName {
		return nil, connect.NewError(connect.CodeNotFound, fault.New(fault.NotFound, "There is no health of this service here."))
	}
	status := grpchealth.StatusNotServing
	if h.resolver.Ready() == nil {
		status = grpchealth.StatusServing
	}
	return &grpchealth.CheckResponse{Status: status}, nil
}

// published returns the names of the gRPC services that callers outside can reach.
func published() []string {
	return []string{
		inferenceconnect.GRPCInferenceServiceName, maasv1connect.ModelServiceName, grpchealth.HealthV1ServiceName,
		grpcreflect.ReflectV1ServiceName, grpcreflect.ReflectV1AlphaServiceName,
	}
}

// Reflection returns gRPC's server reflection, version 1 and version 1alpha, by the prefixes of their procedures. It describes the published
// services only.
func Reflection() map[string]http.Handler {
	files := &protoregistry.Files{}
	for _, name := range published() {
		if found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
			add(files, found.ParentFile())
		}
	}
	reflector := grpcreflect.NewReflector(grpcreflect.NamerFunc(published), grpcreflect.WithDescriptorResolver(files))
	handlers := map[string]http.Handler{}
	for _, handler := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){
		grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha,
	} {
		prefix, service := handler(reflector, decoding.WithReadMaxBytes(maxMessage))
		handlers[prefix] = service
	}
	return handlers
}

// add registers a file and, before it, the files that it imports. It does nothing for one that is registered.
func add(files *protoregistry.Files, file protoreflect.FileDescriptor) {
	if _, err := files.FindFileByPath(file.Path()); err == nil {
		return
	}
	for i := range file.Imports().Len() {
		add(files, file.Imports().Get(i).FileDescriptor)
	}
	_ = files.RegisterFile(file) // it was registered elsewhere without a conflict
}
