module github.com/17882237881/MaaS/runtimes/onnx

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	github.com/17882237881/MaaS/api v0.0.0
	github.com/17882237881/MaaS/shared v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/Masterminds/semver/v3 v3.5.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace (
	github.com/17882237881/MaaS/api => ../../api
	github.com/17882237881/MaaS/shared => ../../shared
)
