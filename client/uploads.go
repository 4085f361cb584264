package maas

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// CreateUpload opens an upload into a draft version, which it makes if need be. It fails with Conflict if the version is no draft, with NotFound if there
// is no such model, and with QuotaExceeded if too many uploads are open. Upload does all of an upload.
func (c *Client) CreateUpload(ctx context.Context, in api.CreateUploadRequest) (api.Upload, error) {
	return call[api.Upload](ctx, c, "POST /v1/uploads", in, keyed)
}

// GetUpload returns an upload as it is, with its missing chunks. It fails with NotFound if there is none.
func (c *Client) GetUpload(ctx context.Context, in api.GetUploadRequest) (api.Upload, error) {
	return call[api.Upload](ctx, c, "GET /v1/uploads/{id}", in)
}

// ListUploads returns a page of uploads, the latest first.
func (c *Client) ListUploads(ctx context.Context, in api.ListUploadsRequest) (page.Page[api.Upload], error) {
	return call[page.Page[api.Upload]](ctx, c, "GET /v1/uploads", in)
}

// CancelUpload gives up an open upload; again is no error. It fails with Conflict once the upload is complete.
func (c *Client) CancelUpload(ctx context.Context, in api.CancelUploadRequest) error {
	return c.do(ctx, "DELETE /v1/uploads/{id}", in, nil)
}

// CompleteUpload hands an upload to its verification, once all of its chunks are sent. It returns before the verification has ended, unless Prefer asks to
// wait for it. It fails with Conflict if chunks are missing or have other digests.
func (c *Client) CompleteUpload(ctx context.Context, in api.CompleteRequest) (api.Upload, error) {
	return call[api.Upload](ctx, c, "POST /v1/uploads/{id}/complete", in, keyed)
}

// SendChunk sends chunk n of an upload: size bytes of the digest, which content gives anew for each try. It fails with Unprocessable if other bytes
// arrived, and with Conflict if the server has other bytes under the number or the upload takes none any more.
func (c *Client) SendChunk(ctx context.Context, upload api.ID, n int, size int64, digest ref.Digest, content func() io.Reader) error {
	return c.do(ctx, fmt.Sprintf("PUT /v1/uploads/%s/chunks/%d", upload, n), nil, nil, func(r *request) {
		r.content, r.length = content, size
		r.header.Set("Content-Digest", "sha-256=:"+digest.Base64()+":")
	})
}

// OpenFile returns the bytes of a file of a version from an offset on, which the caller closes. It fails with NotFound if there is no such file, and with
// Gone if the version is retired.
func (c *Client) OpenFile(ctx context.Context, in api.FileRequest, from int64) (io.ReadCloser, error) {
	r, err := newRequest("GET "+modelPath+"/versions/{ref}/files/{path...}", in, nil)
	if err != nil {
		return nil, err
	}
	r.header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	answer, err := c.stream(ctx, r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusPartialContent { // the whole file
		if _, err := io.CopyN(io.Discard, answer.Body, from); err != nil {
			return nil, c.unreachable(ctx, fmt.Errorf("%w, %w", err, answer.Body.Close()))
		}
	}
	return answer.Body, nil
}
