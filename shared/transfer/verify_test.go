package transfer_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formatstest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/transfertest"
)

func md5Of(file []byte) api.MD5 {
	sum := md5.Sum(file)
	return api.MD5(hex.EncodeToString(sum[:]))
}

func TestWhatIsNotWhatItSaysIsRejected(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	good := model(t)
	cases := []struct {
		name string
		file []byte
		in   func(*api.CreateUploadRequest)
		code string
	}{
		{"text", []byte("ir_version: 8, said the text\n"), nil, "unsupported_format"},
		{"a pickle", []byte("\x80\x04}\x94."), func(in *api.CreateUploadRequest) { in.Filename = "model.pkl" }, "runs_code"},
		{"a pickle that is called a model", []byte("\x80\x04}\x94."), nil, "unsupported_format"},
		{"a truncated ONNX", good[:len(good)-1], nil, "truncated"},
		{"a model that is said to be data", good, func(in *api.CreateUploadRequest) { in.Filename, in.Format = "w.bin", "data" }, "unsupported_format"},
		{"data that is said to be a model", []byte("\x00\x01"), func(in *api.CreateUploadRequest) { in.Filename, in.Format = "w.bin", "onnx" }, "unsupported_format"},
		{"another SHA-256", good, func(in *api.CreateUploadRequest) { in.SHA256 = ref.SumOf(nil) }, "sha256_mismatch"},
		{"another MD5", good, func(in *api.CreateUploadRequest) { in.MD5 = md5Of(nil) }, "md5_mismatch"},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := transfertest.Wanted(len(c.file))
			in.Version, _ = ref.ParseVersion(fmt.Sprintf("1.%d.0", i))
			if c.in != nil {
				c.in(&in)
			}

			u := w.MustVerify(w.MustComplete(in, c.file).ID)

			if u.Status != api.UploadRejected || u.Error == nil || u.Error.Code != c.code || u.Error.Detail == "" {
				t.Errorf("%s, %+v; want %s", u.Status, u.Error, c.code)
			}
			assertGone(t, w, u)
			if n := count(t, w, `select count(*) from versions where version = $1`, in.Version.String()); n != 0 {
				t.Error("the draft is still there")
			}
			if n := count(t, w, `select count(*) from outbox where subject = $1 and type = 'maas.upload.rejected.v1'`, u.ID.String()); n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// TestAPickleIsJudgedByTheTenantsPolicy pushes one that imports what is safe, and one that does not, under each rule.
func TestAPickleIsJudgedByTheTenantsPolicy(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	good, bad := []byte("\x80\x04}\x94."), []byte("\x80\x04cos\nsystem\nX\x02\x00\x00\x00id\x85R.")
	for i, c := range []struct {
		rule api.FormatRule
		file []byte
		says string // "" if it is accepted
	}{
		{api.RefuseFormat, good, "pickle: refuse"},
		{api.ScanFormat, good, ""},
		{api.ScanFormat, bad, "imports os.system (byte 2)"},
		{api.AllowFormat, bad, ""},
	} {
		change(t, w, `insert into policies (tenant_id, formats, updated_by) values ($1, jsonb_build_object('pickle', $2::text, 'code', 'refuse'), 'test')
			on conflict (tenant_id) do update set formats = excluded.formats`, w.Owner.Tenant, string(c.rule))
		in := transfertest.Wanted(len(c.file))
		in.Filename = "model.pkl"
		in.Version, _ = ref.ParseVersion(fmt.Sprintf("1.%d.0", i))

		u := w.MustVerify(w.MustComplete(in, c.file).ID)

		switch {
		case c.says == "" && u.Status != api.UploadReady:
			t.Errorf("%s: %s, %+v", c.rule, u.Status, u.Error)
		case c.says != "" && (u.Status != api.UploadRejected || u.Error.Code != "runs_code" || !strings.Contains(u.Error.Detail, c.says)):
			t.Errorf("%s: %s, %+v; want %q", c.rule, u.Status, u.Error, c.says)
		}
	}
}

func TestAVerifiedFileBelongsToItsDraft(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	in := transfertest.Wanted(len(file))
	in.SHA256, in.MD5, in.Format = ref.SumOf(file), md5Of(file), "onnx"

	u := w.MustVerify(w.MustComplete(in, file).ID)

	if u.Status != api.UploadReady || u.Phase != api.Done || u.Progress != 1 {
		t.Fatalf("%+v", u)
	}
	const attachedSQL = `
		select count(*) from version_files f join artifacts a using (tenant_id, digest)
		where f.path = 'model.onnx' and a.digest = $1 and a.object_key = $2 and a.md5 = $3 and a.format = 'onnx'
			and a.inputs -> 0 ->> 'datatype' = 'FP32' and a.details ? 'producer'`
	key := objects.UploadKey(w.Owner.Tenant, uuid.UUID(u.ID))
	if n := count(t, w, attachedSQL, u.SHA256.String(), string(key), string(in.MD5)); n != 1 {
		t.Errorf("%d files are attached", n)
	}
	if n := w.Audited(w.Owner, "upload.verify", "done"); n != 1 {
		t.Errorf("%d entries", n)
	}
	w.Must(w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID))) // a late event
}

func TestAFileThatIsNoModelIsData(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), []byte("\x00\x01 weights")
	in := transfertest.Wanted(len(file))
	in.Filename = "model.onnx.data"

	u := w.MustVerify(w.MustComplete(in, file).ID)

	if u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
	const attachedSQL = `
		select count(*) from version_files f join artifacts a using (tenant_id, digest)
		where f.path = 'model.onnx.data' and a.format = 'data' and a.outputs = '[]' and a.details = '{}'`
	if n := count(t, w, attachedSQL); n != 1 {
		t.Errorf("%d files are attached", n)
	}
}

func TestWhatAModelNeedsIsKeptWithIt(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), formatstest.Table{Location: "w/all.bin", Rows: 2, Columns: 2, Tables: 3}.Model(t.Name())

	w.MustVerify(w.MustComplete(transfertest.Wanted(len(file)), file).ID)

	const needsSQL = `select count(*) from artifacts where details -> 'external' = '[{"path": "w/all.bin", "size": 48, "tensors": 3}]'`
	if n := count(t, w, needsSQL); n != 1 {
		t.Errorf("%d artifacts know what they need", n)
	}
}

func TestWhatIsRejectedWhateverItsBytesAreIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	for name, c := range map[string]struct {
		change func(*api.CreateUploadRequest)
		kind   fault.Kind
		field  string
	}{
		"a model of 2 GiB":     {func(in *api.CreateUploadRequest) { in.Size = 2 << 30 }, fault.TooLarge, "size"},
		"said to be a model":   {func(in *api.CreateUploadRequest) { in.Path, in.Format, in.Size = "w", "onnx", 2<<30 }, fault.TooLarge, "size"},
		"an unknown format":    {func(in *api.CreateUploadRequest) { in.Format = "hdf5" }, fault.Unprocessable, "format"},
		"a model said as data": {func(in *api.CreateUploadRequest) { in.Format = "data" }, fault.Unprocessable, "format"},
	} {
		in := transfertest.Wanted(10)
		c.change(&in)
		_, err := w.Begin(t.Context(), w.Owner, in)
		if !fault.Is(err, c.kind) || len(fault.From(err).Fields) != 1 || fault.From(err).Fields[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := transfertest.Wanted(3 << 30)
	in.Path = "model.onnx.data"
	w.MustBegin(in)
}

func TestTheSameBytesAreKeptOnce(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	in := transfertest.Wanted(len(file))
	first := w.MustVerify(w.MustComplete(in, file).ID)
	in.Path = "copy.onnx"

	second := w.MustVerify(w.MustComplete(in, file).ID)

	if second.Status != api.UploadReady {
		t.Errorf("%+v", second)
	}
	assertGone(t, w, second)
	if !bytes.Equal(object(t, w, first), file) {
		t.Error("the first object has other bytes")
	}
	if n := count(t, w, `select count(*) from version_files`); n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestAPathOfADraftMayBeUploadedAgain(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	w.MustVerify(w.MustComplete(transfertest.Wanted(len(file)), file).ID)
	better := transfertest.Padded(file, 100<<10)

	u := w.MustVerify(w.MustComplete(transfertest.Wanted(len(better)), better).ID)

	if n := count(t, w, `select count(*) from version_files where digest = $1`, u.SHA256.String()); n != 1 {
		t.Errorf("%+v is not the version's file", u)
	}
}

func TestAFileForAVersionThatIsGoneIsRejected(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)
	change(t, w, `delete from models`)

	w.Must(w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)))

	if n := count(t, w, `select count(*) from uploads where status = 'rejected' and error_code = 'version_gone'`); n != 1 {
		t.Error("the upload is not rejected")
	}
	assertGone(t, w, u)
}

func TestVerificationGoesOnWhereItsLastStepCameTo(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t, map[string]string{"MAAS_VERIFY_STEP": "1ns"}), large(t)
	in := transfertest.Wanted(len(file))
	in.MD5 = md5Of(file)
	u := w.MustComplete(in, file)
	for range 4 {
		w.Must(w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)))
	}
	hashed := w.MustFind(u.ID)
	if hashed.Status != api.UploadVerifying || hashed.Phase != api.Hashing || hashed.Progress <= 0 || hashed.Progress >= 1 {
		t.Fatalf("%+v", hashed)
	}
	if n := count(t, w, `select count(*) from outbox where type = 'maas.upload.verifying.v1'`); n != 4 {
		t.Errorf("%d steps were asked for, want 4", n)
	}

	w.Transfers = w.Open(with(w.Vars, "MAAS_VERIFY_STEP", "1m")) // another process

	if u := w.MustVerify(u.ID); u.Status != api.UploadReady || u.SHA256 != ref.SumOf(file) {
		t.Errorf("%+v", u)
	}
}

func with(vars map[string]string, name, value string) map[string]string {
	more := map[string]string{name: value}
	for name, value := range vars {
		if _, ok := more[name]; !ok {
			more[name] = value
		}
	}
	return more
}

func TestAVerificationIsOneFunctionsAtATime(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), large(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if err := w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	if u := w.MustVerify(u.ID); u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
	if n := w.Audited(w.Owner, "upload.verify", "done"); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestADeadVerificationIsTakenOver leaves a turn taken, as a killed function does.
func TestADeadVerificationIsTakenOver(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)
	change(t, w, `update uploads set fence = fence + 1, lease_until = now() + interval '1 second'`)

	w.Must(w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)))
	if u := w.MustFind(u.ID); u.Status != api.UploadCompleting {
		t.Errorf("%s, though another has the turn", u.Status)
	}
	time.Sleep(time.Second)
	if u := w.MustVerify(u.ID); u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
}

func TestSweepWakesWhatNobodyIsAt(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)
	asked := func() int { return count(t, w, `select count(*) from outbox where type = 'maas.upload.verifying.v1'`) }

	w.Must(w.Wake(t.Context()))
	if n := asked(); n != 0 {
		t.Errorf("%d were woken, though it is too soon", n)
	}
	change(t, w, `alter table uploads disable trigger uploads_guard`)
	change(t, w, `update uploads set updated_at = now() - interval '5 minutes'`)
	change(t, w, `alter table uploads enable trigger uploads_guard`)
	for range 2 {
		w.Must(w.Wake(t.Context()))
	}
	if n := asked(); n != 1 {
		t.Errorf("%s was woken %d times, want once", u.ID, n)
	}
}

// TestACompletionWhoseAnswerWasLostIsTheSuccess assembles the object behind verify-upload's back, as a call does whose answer is lost.
func TestACompletionWhoseAnswerWasLostIsTheSuccess(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), large(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)
	m, _ := multipart(t, w, u)
	parts, err := w.Store.ListParts(t.Context(), m)
	w.Must(err)
	_, err = w.Store.Complete(t.Context(), m, parts)
	w.Must(err)

	if u := w.MustVerify(u.ID); u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
}

func TestTheTableKnowsTheStateMachine(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustVerify(w.MustComplete(transfertest.Wanted(len(file)), file).ID)
	for _, to := range []api.UploadStatus{
		api.UploadOpen, api.UploadCompleting, api.UploadVerifying, api.UploadExpired, api.UploadCancelled,
	} {
		n := count(t, w, `select count(*) from uploads where id = $1 and status = 'ready'`, u.ID)
		if err := tryChange(t, w, `update uploads set status = $1`, string(to)); n != 1 || err == nil || !strings.Contains(err.Error(), "cannot become") {
			t.Errorf("ready → %s: %v", to, err)
		}
	}
}
