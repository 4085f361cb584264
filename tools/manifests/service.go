package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// service is a Knative Service, as far as other files follow from it.
type service struct {
	Metadata struct {
		Name      string            `yaml:"name"`
		Namespace string            `yaml:"namespace"`
		Labels    map[string]string `yaml:"labels"`
	} `yaml:"metadata"`
	Spec struct {
		Template struct {
			Metadata struct {
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"metadata"`
			Spec revision `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type revision struct {
	ServiceAccountName   string      `yaml:"serviceAccountName"`
	ContainerConcurrency int         `yaml:"containerConcurrency"`
	TimeoutSeconds       int         `yaml:"timeoutSeconds"`
	Containers           []container `yaml:"containers"`
	Volumes              []volume    `yaml:"volumes"`
}

type container struct {
	Image          string      `yaml:"image"`
	Env            []named     `yaml:"env"`
	EnvFrom        []reference `yaml:"envFrom"`
	LivenessProbe  probe       `yaml:"livenessProbe"`
	ReadinessProbe probe       `yaml:"readinessProbe"`
	Ports          []named     `yaml:"ports"`
	Resources      resources   `yaml:"resources"`
	VolumeMounts   []mount     `yaml:"volumeMounts"`
}

type (
	named     struct{ Name, Value string }
	reference struct {
		ConfigMapRef named `yaml:"configMapRef"`
	}
	probe struct {
		HTTPGet struct{ Path string } `yaml:"httpGet"`
	}
	resources struct{ Requests, Limits map[string]string }
	mount     struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
	}
	volume struct {
		Name   string `yaml:"name"`
		Secret struct {
			SecretName string `yaml:"secretName"`
		} `yaml:"secret"`
		ConfigMap named             `yaml:"configMap"`
		EmptyDir  map[string]string `yaml:"emptyDir"`
	}
)

// servicesOf returns the Services of knative/base, by name.
func servicesOf(ctx context.Context, root string) (map[string]service, error) {
	text, err := build(ctx, filepath.Join(root, "knative", "base"))
	if err != nil {
		return nil, err
	}
	all := map[string]service{}
	for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		var kind struct{ Kind string }
		if err := document.Decode(&kind); err != nil || kind.Kind != "Service" {
			continue
		}
		var one service
		if err := document.Decode(&one); err != nil {
			return nil, err
		}
		all[one.Metadata.Name] = one
	}
}

// build returns what `kustomize build` prints for a folder. Its error contains what kustomize wrote to stderr.
func build(ctx context.Context, folder string) ([]byte, error) {
	var out, failure bytes.Buffer
	command := exec.CommandContext(ctx, "kustomize", "build", folder)
	command.Stdout, command.Stderr = &out, &failure
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("kustomize build %s: %w\n%s", folder, err, failure.String())
	}
	return out.Bytes(), nil
}
