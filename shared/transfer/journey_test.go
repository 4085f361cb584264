package transfer_test

import (
	"bytes"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfertest"
)

func TestAFileOfManyChunksBecomesReady(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), large(t)
	in := transfertest.Wanted(len(file))
	in.SHA256 = ref.SumOf(file)

	u := w.MustComplete(in, file)

	if u.Status != api.UploadCompleting || u.Phase != api.Assembling || u.Received != int64(len(file)) {
		t.Errorf("completed: %+v", u)
	}
	u = w.MustVerify(u.ID)
	if u.Status != api.UploadReady || u.SHA256 != ref.SumOf(file) || u.Error != nil {
		t.Errorf("verified: %+v", u)
	}
	if object := object(t, w, u); !bytes.Equal(object, file) {
		t.Errorf("the store has %d other bytes", len(object))
	}
}
