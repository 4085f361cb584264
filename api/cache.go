package api

import "time"

// CacheStats counts how often caches had what they were asked for.
type CacheStats struct {
	Scope  string       `json:"scope"` // whose caches: of all processes, "installation", or without Redis of the one that answers, "process"
	Since  time.Time    `json:"since"` // when counting began
	Levels []CacheLevel `json:"levels"`
	Redis  string       `json:"redis"` // "connected", "away" or "none"
}

// CacheLevel has the counts of one of the two levels.
type CacheLevel struct {
	Level  string  `json:"level"` // "process" or "redis"
	Hits   int64   `json:"hits"`
	Misses int64   `json:"misses"`
	Ratio  float64 `json:"ratio"` // of hits; 0 before the first question
}
