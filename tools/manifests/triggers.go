package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
)

// trigger lets the broker deliver a type of event to a consumer.
type trigger struct {
	Name     string
	Type     event.Type
	Consumer cloudevent.Consumer
}

// triggers returns a trigger for each event type and each of its consumers, sorted by name.
func triggers() []trigger {
	var all []trigger
	for kind, consumers := range cloudevent.Consumers() {
		for _, consumer := range consumers {
			news := strings.ReplaceAll(strings.TrimPrefix(string(kind), "maas."), ".", "-")
			all = append(all, trigger{string(consumer) + "-on-" + news, kind, consumer})
		}
	}
	slices.SortFunc(all, func(a, b trigger) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
