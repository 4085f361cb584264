module github.com/17882237881/MaaS/e2e

go 1.26.0

replace github.com/17882237881/MaaS/shared => ../shared

require github.com/17882237881/MaaS/shared v0.0.0-00010101000000-000000000000
