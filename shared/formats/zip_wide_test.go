package formats_test

import (
	"encoding/binary"
	"hash/crc32"
)

// wideArchive returns an archive as PyTorch writes it beyond 4 GiB: data.pkl, and that many zeros.
func wideArchive(pickle string, weights int64) *holed {
	sum := crc32.ChecksumIEEE([]byte(pickle))
	head := localHeader("archive/data.pkl", sum, int64(len(pickle)))
	head = append(head, pickle...)
	second := int64(len(head))
	head = append(head, localHeader("archive/data/0", 0, weights)...)
	tail := centralHeader("archive/data.pkl", sum, int64(len(pickle)), 0)
	tail = append(tail, centralHeader("archive/data/0", 0, weights, second)...)
	directory, size := int64(len(head))+weights, uint64(len(tail))
	tail = append(tail, "PK\x06\x06"...)
	tail = binary.LittleEndian.AppendUint64(tail, 44)
	tail = append(tail, make([]byte, 12)...)
	for _, n := range []uint64{2, 2, size, uint64(directory)} {
		tail = binary.LittleEndian.AppendUint64(tail, n)
	}
	tail = append(tail, "PK\x06\x07\x00\x00\x00\x00"...)
	tail = binary.LittleEndian.AppendUint64(tail, uint64(directory)+size)
	tail = append(tail, "\x01\x00\x00\x00PK\x05\x06\x00\x00\x00\x00\x02\x00\x02\x00"...)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(size))
	tail = append(tail, "\xff\xff\xff\xff\x00\x00"...)
	return &holed{head: head, tail: tail, size: int64(len(head)+len(tail)) + weights}
}

// localHeader returns what stands before a file of an archive, with its sizes in 64 bits.
func localHeader(name string, sum uint32, size int64) []byte {
	h := append([]byte("PK\x03\x04\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00"), binary.LittleEndian.AppendUint32(nil, sum)...)
	h = append(h, "\xff\xff\xff\xff\xff\xff\xff\xff"...)
	h = binary.LittleEndian.AppendUint16(h, uint16(len(name)))
	h = append(append(h, 20, 0), name...)
	h = append(h, 1, 0, 16, 0)
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(h, uint64(size)), uint64(size))
}

// centralHeader returns a file's entry in the directory of an archive, with its sizes and its place in 64 bits.
func centralHeader(name string, sum uint32, size, at int64) []byte {
	h := append([]byte("PK\x01\x02\x2d\x00\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00"), binary.LittleEndian.AppendUint32(nil, sum)...)
	h = append(h, "\xff\xff\xff\xff\xff\xff\xff\xff"...)
	h = binary.LittleEndian.AppendUint16(h, uint16(len(name)))
	h = append(append(h, 28, 0), make([]byte, 10)...)
	h = append(append(h, "\xff\xff\xff\xff"...), name...)
	h = append(h, 1, 0, 24, 0)
	for _, n := range []int64{size, size, at} {
		h = binary.LittleEndian.AppendUint64(h, uint64(n))
	}
	return h
}
