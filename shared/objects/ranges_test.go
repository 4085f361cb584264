package objects

import (
	"crypto/sha256"
	"hash"
	"testing"
)

// BenchmarkHashCold hashes more than a cache holds, beside plain hashing.
func BenchmarkHashCold(b *testing.B) {
	content := make([]byte, 1<<30)
	for i := range content {
		content[i] = byte(i)
	}
	for name, digest := range map[string]func(hash.Hash, []byte){
		"touched": hashCold,
		"plain":   func(sum hash.Hash, part []byte) { _, _ = sum.Write(part) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				digest(sha256.New(), content)
			}
		})
	}
}
