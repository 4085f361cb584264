package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// funcYAML is a func.yaml, of spec version 0.36.0, as far as MaaS uses it (knative.dev/func v0.49.2, schema/func_yaml-schema.json).
type funcYAML struct {
	SpecVersion string     `yaml:"specVersion"`
	Name        string     `yaml:"name"`
	Runtime     string     `yaml:"runtime"`
	Created     time.Time  `yaml:"created"`
	Build       funcBuild  `yaml:"build"`
	Run         funcRun    `yaml:"run"`
	Deploy      funcDeploy `yaml:"deploy"`
}

type funcBuild struct {
	Builder string `yaml:"builder"`
}

type funcRun struct {
	Volumes []funcVolume `yaml:"volumes"`
	Envs    []funcEnv    `yaml:"envs"`
}

type funcVolume struct {
	Secret    string            `yaml:"secret,omitempty"`
	ConfigMap string            `yaml:"configMap,omitempty"`
	EmptyDir  map[string]string `yaml:"emptyDir,omitempty"`
	Path      string            `yaml:"path"`
}

type funcEnv struct {
	Name  string `yaml:"name,omitempty"`
	Value string `yaml:"value"`
}

type funcDeploy struct {
	Namespace          string            `yaml:"namespace"`
	Annotations        map[string]string `yaml:"annotations,omitempty"`
	Options            funcOptions       `yaml:"options"`
	Labels             []funcLabel       `yaml:"labels"`
	HealthEndpoints    funcHealth        `yaml:"healthEndpoints"`
	ServiceAccountName string            `yaml:"serviceAccountName"`
}

type funcOptions struct {
	Scale     funcScale     `yaml:"scale"`
	Resources funcResources `yaml:"resources"`
}

type funcScale struct {
	Min    int     `yaml:"min"`
	Max    int     `yaml:"max"`
	Metric string  `yaml:"metric"`
	Target float64 `yaml:"target"`
}

type funcResources struct {
	Requests funcAmounts `yaml:"requests"`
	Limits   funcAmounts `yaml:"limits"`
}

type funcAmounts struct {
	CPU         string `yaml:"cpu,omitempty"`
	Memory      string `yaml:"memory"`
	Concurrency int    `yaml:"concurrency,omitempty"`
}

type funcLabel struct {
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
}

type funcHealth struct {
	Liveness  string `yaml:"liveness"`
	Readiness string `yaml:"readiness"`
}

// What of a Service's annotations func has fields of its own for.
const (
	minScale = "autoscaling.knative.dev/min-scale"
	maxScale = "autoscaling.knative.dev/max-scale"
	target   = "autoscaling.knative.dev/target"
)

// describe returns the func.yaml by which func deploys the function just as the Service s does. The version, runtime, builder and time of
// creation are taken from the present file at path.
func describe(path string, s service) ([]byte, error) {
	kept, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var before funcYAML
	if err := yaml.Unmarshal(kept, &before); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	deploy, err := deployOf(s)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Metadata.Name, err)
	}
	text := bytes.NewBufferString("# run and deploy are made by make generate out of knative/base.\n")
	encoder := yaml.NewEncoder(text)
	encoder.SetIndent(2)
	err = encoder.Encode(funcYAML{
		SpecVersion: before.SpecVersion, Name: s.Metadata.Name, Runtime: before.Runtime, Created: before.Created, Build: before.Build,
		Run: runOf(s.Spec.Template.Spec), Deploy: deploy,
	})
	return text.Bytes(), err
}

// runOf returns the volumes and environment variables of a revision's first container as func.yaml has them.
func runOf(r revision) funcRun {
	var run funcRun
	volumes := map[string]volume{}
	for _, v := range r.Volumes {
		volumes[v.Name] = v
	}
	for _, m := range r.Containers[0].VolumeMounts {
		v := volumes[m.Name]
		run.Volumes = append(run.Volumes, funcVolume{v.Secret.SecretName, v.ConfigMap.Name, v.EmptyDir, m.MountPath})
	}
	for _, from := range r.Containers[0].EnvFrom {
		run.Envs = append(run.Envs, funcEnv{Value: "{{ configMap:" + from.ConfigMapRef.Name + " }}"})
	}
	for _, v := range r.Containers[0].Env {
		run.Envs = append(run.Envs, funcEnv(v))
	}
	return run
}

// deployOf returns how func deploys the Service. It fails if its annotations for scaling are no numbers.
func deployOf(s service) (funcDeploy, error) {
	template := s.Spec.Template
	scale, err := scaleOf(template.Metadata.Annotations)
	if err != nil {
		return funcDeploy{}, err
	}
	others := maps.Clone(template.Metadata.Annotations)
	maps.DeleteFunc(others, func(name, _ string) bool { return name == minScale || name == maxScale || name == target })
	var labels []funcLabel
	for _, key := range slices.Sorted(maps.Keys(s.Metadata.Labels)) {
		labels = append(labels, funcLabel{key, s.Metadata.Labels[key]})
	}
	main := template.Spec.Containers[0]
	requests, limits := main.Resources.Requests, main.Resources.Limits
	return funcDeploy{
		Namespace:   s.Metadata.Namespace,
		Annotations: others,
		Options: funcOptions{scale, funcResources{
			Requests: funcAmounts{CPU: requests["cpu"], Memory: requests["memory"]},
			Limits:   funcAmounts{CPU: limits["cpu"], Memory: limits["memory"], Concurrency: template.Spec.ContainerConcurrency},
		}},
		Labels:             labels,
		HealthEndpoints:    funcHealth{main.LivenessProbe.HTTPGet.Path, main.ReadinessProbe.HTTPGet.Path},
		ServiceAccountName: template.Spec.ServiceAccountName,
	}, nil
}

// scaleOf returns the scaling that the annotations ask for. It fails if one is missing or no number.
func scaleOf(annotations map[string]string) (s funcScale, err error) {
	if s.Min, err = strconv.Atoi(annotations[minScale]); err != nil {
		return s, err
	}
	if s.Max, err = strconv.Atoi(annotations[maxScale]); err != nil {
		return s, err
	}
	s.Metric = "concurrency"
	s.Target, err = strconv.ParseFloat(annotations[target], 64)
	return s, err
}
