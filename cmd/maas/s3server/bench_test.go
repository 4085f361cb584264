package s3server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// BenchmarkUploadPart sends parts of 16 MiB, one after the other, flushed to the disk and not.
func BenchmarkUploadPart(b *testing.B) {
	for name, fast := range map[string]bool{"durable": false, "fast": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorldWith(b, fast)
			upload := w.open("t/a")
			part := bytes.Repeat([]byte("x"), 16<<20)
			sum := sha256.Sum256(part)
			digest := base64.StdEncoding.EncodeToString(sum[:])
			b.SetBytes(int64(len(part)))
			number := int32(0)
			for b.Loop() {
				number++
				_, err := w.client.UploadPart(b.Context(), &s3.UploadPartInput{
					Bucket: aws.String(bucket), Key: aws.String("t/a"), UploadId: aws.String(upload), PartNumber: aws.Int32(number),
					Body: bytes.NewReader(part), ChecksumSHA256: aws.String(digest),
				})
				w.must(err)
			}
		})
	}
}
