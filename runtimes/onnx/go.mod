module github.com/17882237881/MaaS/runtimes/onnx

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	github.com/17882237881/MaaS/shared v0.0.0
	google.golang.org/protobuf v1.36.12
)

replace github.com/17882237881/MaaS/shared => ../../shared
