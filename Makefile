# MaaS on one machine and on a cluster, its checks and its tools. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TOOLS := $(CURDIR)/.cache/bin
export PATH := $(TOOLS):$(PATH)

# Everything is compiled as ko compiles for images, without C where Go has a choice and without this machine's paths, so that the build cache serves
# all but the race detector.
export TAGS := netgo,osusergo
export GOFLAGS := -trimpath -tags=$(TAGS)

# Two of everything at once: what a machine of two cores has memory for under the race detector. What the tests do not reach:
# `make test TEST='-p 2 -coverprofile coverage.out'` (coverage-programs.out is of those that start programs) and `go tool cover -func coverage.out`.
export TEST := -shuffle=on -p 2 -timeout 10m
# Where the tests run: on this machine; those of KServe's objects, which take minutes to compile; with MinIO as the object store; by Terraform, on a
# cluster without MaaS; on a cluster (which is started; journeys: without what kills and waits); or several with one summary:
# make test ON='machine kserve minio cluster'
ON := machine

# Where images go, and what `make deploy` puts into the cluster that KUBECONFIG names: a folder of knative/overlays.
export KO_DOCKER_REPO ?= localhost:5000/maas
OVERLAY ?= local

help: # make alone lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: build ## starts everything on this machine and keeps running
	@bin/maas up

dev: $(TOOLS)/reflex ## the same, and builds and starts anew when a file changes
	@reflex --decoration=none --start-service --shutdown-timeout=40s --regex='\.(go|sql|json|conf|csv|txt)$$|(^|/)go\.(mod|work)$$' \
		--inverse-regex='^(bin|\.cache|\.git|\.maas|\.maas-cluster)/|_test\.go$$' -- $(MAKE) up

build: ## bin/maas, bin/maas-onnx and ONNX Runtime's library
	go build -ldflags '-s -w' -o bin/maas ./cmd/maas
	go build -ldflags '-s -w' -o bin/maas-onnx ./runtimes/onnx
	@library=$$(runtimes/onnx/library.sh); cmp -s "$$library" "bin/$${library##*/}" || install -m 644 "$$library" bin/

test: build $(TOOLS)/kustomize ## runs the tests that need no cluster, on real servers; ON=kserve, ON=cluster: the others
	@go build -o $(TOOLS)/ ./tools/testsum
	@tools/tests $(ON) | $(TOOLS)/testsum

test-fast: ## runs the tests that start no server and no program, without the race detector
	@go build -o $(TOOLS)/ ./tools/testsum
	@tools/tests fast | $(TOOLS)/testsum

lint: $(TOOLS)/actionlint $(TOOLS)/golangci-lint $(TOOLS)/govulncheck $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/kustomize $(TOOLS)/tflint ## checks style, imports, vulnerabilities, generated code, modules, Terraform
	tools/lint

cluster: build $(TOOLS)/ko $(TOOLS)/kustomize ## starts a Kubernetes on this machine with everything in it, as root
	@tools/cluster up

cluster-down: ## ends it and removes all that it held
	@tools/cluster down

images: $(TOOLS)/ko ## builds every container image and pushes it to KO_DOCKER_REPO
	@tools/images

deploy: $(TOOLS)/ko $(TOOLS)/kustomize ## images, migration and functions onto the cluster of KUBECONFIG: make deploy OVERLAY=x
	@tools/deploy up $(OVERLAY)

undeploy: $(TOOLS)/kustomize ## takes them out again; database, store and secrets stay
	@tools/deploy down $(OVERLAY)

generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/kustomize ## makes generated code, manifests and the OpenAPI document anew
	cd shared/proto && buf lint && buf generate
	go run ./tools/openapi
	go run ./tools/manifests

bench: build ## runs every benchmark, five times each
	@bin/maas stores --data temporary --fast -- go test -run '^$$' -bench . -benchmem -count 5 -p 1 -timeout 60m work

new-function: ## makes functions/NAME: make new-function NAME=x
	@go run ./tools/new-function $(NAME)

clean: ## removes what was built; state in .maas stays
	rm -rf bin .cache coverage.out

.PHONY: help up dev build test test-fast lint cluster cluster-down images deploy undeploy generate bench new-function clean

# Tools, each built once from its pinned version. Naming the package spares downloading what the other tools need.
$(TOOLS)/buf:           PACKAGE := github.com/bufbuild/buf/cmd/buf
$(TOOLS)/golangci-lint: PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/govulncheck:   PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/ko:            PACKAGE := github.com/google/ko
$(TOOLS)/kustomize:     PACKAGE := sigs.k8s.io/kustomize/kustomize/v5

$(TOOLS)/buf $(TOOLS)/golangci-lint $(TOOLS)/govulncheck $(TOOLS)/ko $(TOOLS)/kustomize: tools/pinned/go.mod tools/pinned/go.sum
	GOWORK=off go build -C tools/pinned -o $(TOOLS)/ $(PACKAGE)
	@touch $@

# Modules of their own: what each needs does not go together with what the others need.
$(TOOLS)/actionlint: tools/pinned/actionlint/go.mod tools/pinned/actionlint/go.sum
	GOWORK=off go build -C tools/pinned/actionlint -o $(TOOLS)/ github.com/rhysd/actionlint/cmd/actionlint
	@touch $@

$(TOOLS)/reflex: tools/pinned/reflex/go.mod tools/pinned/reflex/go.sum
	GOWORK=off go build -C tools/pinned/reflex -o $(TOOLS)/ github.com/cespare/reflex
	@touch $@

$(TOOLS)/tflint: tools/pinned/tflint/go.mod tools/pinned/tflint/go.sum
	GOWORK=off go build -C tools/pinned/tflint -o $(TOOLS)/ github.com/terraform-linters/tflint
	@touch $@

# The plugins come from shared's own requirements: generated code and the runtime that it links are of one version.
$(TOOLS)/protoc-gen-go: shared/go.mod
	GOWORK=off go build -C shared -o $(TOOLS)/ google.golang.org/protobuf/cmd/protoc-gen-go connectrpc.com/connect/cmd/protoc-gen-connect-go
	@touch $@
