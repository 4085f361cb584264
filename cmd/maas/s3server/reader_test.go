package s3server

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// other is where a reader may not read.
const other = "other/a"

// newReadersWorld returns a world that has an object of a tenant, another object, and an open upload of the key t/b, and the client of the
// folder's reader.
func newReadersWorld(t *testing.T) (w *world, reader *world, upload string) {
	t.Helper()
	w = newWorld(t)
	w.must(w.put("t/a", []byte("bytes")))
	w.must(w.put(other, []byte("others")))
	upload = w.open("t/b")
	w.send("t/b", upload, [][]byte{[]byte("part")})
	credentials, err := LoadReader(w.cfg.Data)
	w.must(err)
	copied := *w
	reader = &copied
	reader.as(credentials)
	return w, reader, upload
}

func TestAReaderReadsObjectsOfTenants(t *testing.T) {
	t.Parallel()
	_, reader, _ := newReadersWorld(t)

	reader.assertObject("t/a", []byte("bytes"))
	if !reader.has("t/a") {
		t.Error("it may not ask whether the object is there")
	}
	if _, err := reader.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("t/none")}); codeOf(err) != "NoSuchKey" {
		t.Errorf("a missing object: %v", err)
	}
}

func TestAReaderDoesNothingElse(t *testing.T) {
	t.Parallel()
	w, reader, upload := newReadersWorld(t)
	in, key, tenants := aws.String(bucket), aws.String("t/a"), aws.String("t/")
	body := bytes.NewReader([]byte("wrong"))
	allow := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`)
	c := reader.client
	for name, try := range map[string]func(context.Context) error{
		"read another object":     call(c.GetObject, &s3.GetObjectInput{Bucket: in, Key: aws.String(other)}),
		"read by a path out of t": call(c.GetObject, &s3.GetObjectInput{Bucket: in, Key: aws.String("t/../" + other)}),
		"read a part of an open upload": call(c.GetObject, &s3.GetObjectInput{
			Bucket: in, Key: aws.String(uploads("t/b") + "/" + upload + "/1"),
		}),
		"list objects":      call(c.ListObjectsV2, &s3.ListObjectsV2Input{Bucket: in, Prefix: tenants}),
		"list versions":     call(c.ListObjectVersions, &s3.ListObjectVersionsInput{Bucket: in, Prefix: tenants}),
		"list open uploads": call(c.ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: in, Prefix: tenants}),
		"list parts":        call(c.ListParts, &s3.ListPartsInput{Bucket: in, Key: aws.String("t/b"), UploadId: &upload}),
		"write":             call(c.PutObject, &s3.PutObjectInput{Bucket: in, Key: aws.String("t/c"), Body: body}),
		"overwrite":         call(c.PutObject, &s3.PutObjectInput{Bucket: in, Key: key, Body: body}),
		"copy":              call(c.CopyObject, &s3.CopyObjectInput{Bucket: in, Key: aws.String("t/c"), CopySource: aws.String(bucket + "/t/a")}),
		"tag":               call(c.PutObjectTagging, &s3.PutObjectTaggingInput{Bucket: in, Key: key, Tagging: &types.Tagging{TagSet: []types.Tag{}}}),
		"open an upload":    call(c.CreateMultipartUpload, &s3.CreateMultipartUploadInput{Bucket: in, Key: aws.String("t/c")}),
		"send a part": call(c.UploadPart, &s3.UploadPartInput{
			Bucket: in, Key: aws.String("t/b"), UploadId: &upload, PartNumber: aws.Int32(1), Body: body,
		}),
		"complete an upload": call(c.CompleteMultipartUpload, &s3.CompleteMultipartUploadInput{
			Bucket: in, Key: aws.String("t/b"), UploadId: &upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{
				{PartNumber: aws.Int32(1), ETag: aws.String("x")},
			}},
		}),
		"abort an upload":   call(c.AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: in, Key: aws.String("t/b"), UploadId: &upload}),
		"delete":            call(c.DeleteObject, &s3.DeleteObjectInput{Bucket: in, Key: key}),
		"read the policy":   call(c.GetBucketPolicy, &s3.GetBucketPolicyInput{Bucket: in}),
		"change the policy": call(c.PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: in, Policy: allow}),
		"delete the policy": call(c.DeleteBucketPolicy, &s3.DeleteBucketPolicyInput{Bucket: in}),
		"make a bucket":     call(c.CreateBucket, &s3.CreateBucketInput{Bucket: aws.String("another")}),
		"delete the bucket": call(c.DeleteBucket, &s3.DeleteBucketInput{Bucket: in}),
	} {
		if err := try(t.Context()); codeOf(err) != "AccessDenied" {
			t.Errorf("%s: %v", name, err)
		}
	}
	batch, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: in, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key}}}})
	if err == nil && (len(batch.Errors) != 1 || *batch.Errors[0].Code != "AccessDenied") {
		t.Errorf("delete a batch: %+v", batch)
	}
	if buckets, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil && len(buckets.Buckets) > 0 {
		t.Errorf("it lists %d buckets", len(buckets.Buckets))
	}

	w.assertObject("t/a", []byte("bytes"))
	w.assertObject(other, []byte("others"))
	if w.has("t/c") {
		t.Error("an object is there that nobody but the reader has written")
	}
}

func TestAMountedReaderFollowsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.put("t/a", []byte("bytes")))
	owner, a, b := Credentials{"maas-a", "owner"}, Credentials{"maas-reader-a", "first"}, Credentials{"maas-reader-b", "second"}
	w.mount(map[string]Credentials{"a": owner})

	w.cfg.Readers = w.mounted(map[string]Credentials{"a": a, "b": b})
	w.restart()
	for _, one := range []Credentials{a, b} {
		w.as(one)
		w.assertObject("t/a", []byte("bytes"))
		if err := w.put("t/b", []byte("x")); codeOf(err) != "AccessDenied" {
			t.Errorf("%s writes: %v", one.AccessKeyID, err)
		}
	}

	w.cfg.Readers = w.mounted(map[string]Credentials{"b": b})
	w.restart()
	w.assertObject("t/a", []byte("bytes"))
	w.as(a)
	if w.has("t/a") {
		t.Error("a reader whose account is gone reads")
	}
}

// call returns a function that sends the request and returns what the server refused it with.
func call[In, Out any](send func(context.Context, *In, ...func(*s3.Options)) (*Out, error), in *In) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := send(ctx, in)
		return err
	}
}

// codeOf returns the server's name for an error, or "".
func codeOf(err error) string {
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		return said.ErrorCode()
	}
	return ""
}
