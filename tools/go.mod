module github.com/17882237881/MaaS/tools

go 1.26.0
