package api

import "github.com/17882237881/MaaS/api/ref"

// ReceivedChunk is the answer to a chunk that the store holds.
type ReceivedChunk struct {
	Index    int        `json:"index"`
	Size     int64      `json:"size"`
	SHA256   ref.Digest `json:"sha256"`
	Received int64      `json:"received_bytes"` // of the upload
}

// The sizes of chunks, in bytes. Each is a power of two.
const (
	MinChunk = 8 << 20
	MaxChunk = 512 << 20

	MaxFirstChunk = 1 << 30 // of the first chunk: one chunk, and the longest header that anyone has put before it
)

// Layout is how a file is cut: all chunks have one size, but the first, which may be longer, and the last, which may be shorter.
// Chunks count from 0.
type Layout struct {
	Size  int64 // of the file, 1 or more
	Chunk int64
	First int64 // the most that chunk 0 has
	Count int
}

// SizeOf returns the bytes of chunk n, from 0 to Count-1.
func (l Layout) SizeOf(n int) int64 { return l.Offset(n+1) - l.Offset(n) }

// Offset returns where in the file chunk n begins; that of Count is the file's size.
func (l Layout) Offset(n int) int64 {
	if n == 0 {
		return 0
	}
	return min(l.First+int64(n-1)*l.Chunk, l.Size)
}
