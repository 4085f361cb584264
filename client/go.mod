module github.com/17882237881/MaaS/client

go 1.26.0

replace github.com/17882237881/MaaS/api => ../api

require github.com/17882237881/MaaS/api v0.0.0

require github.com/Masterminds/semver/v3 v3.5.0 // indirect
