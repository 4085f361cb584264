package function

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const content = "no model, but bytes"

// events returns the upload's events as they stand in the outbox, signed.
func events(t *testing.T, w *transfertest.World) [][]byte {
	t.Helper()
	signer, err := cloudevent.OpenSigner(env.New("test", w.Vars, nil))
	w.Must(err)
	var all [][]byte
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `select id, source, type, subject, time, tenant_id, traceparent, data from outbox where type like 'maas.upload.%' order by time`)
		w.Must(err)
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cloudevent.Event])
		for _, e := range found {
			text, err := signer.Encode(e)
			w.Must(err)
			all = append(all, text)
		}
		return err
	})
	return all
}

func deliver(s *transfertest.Server, text []byte) int {
	return s.Send(http.MethodPost, "/", string(text), "Content-Type: application/cloudevents+json").Status
}

func TestAnEventTakesAnUploadToItsEndOnce(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("verify-upload", open)
	u := w.MustComplete(transfertest.Wanted(len(content)), []byte(content))
	completed := events(t, w)[0]

	for range 3 {
		if status := deliver(s, completed); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
	}

	if u := w.MustFind(u.ID); u.Status != api.UploadRejected || u.Error.Code != "unsupported_format" {
		t.Errorf("upload %+v", u)
	}
	if n := w.Audited(w.Owner, "upload.reject", "refused"); n != 1 {
		t.Errorf("%d entries", n)
	}
	if all := events(t, w); len(all) != 2 { // completed, rejected
		t.Errorf("%d events", len(all))
	}
}

func TestStepsFollowEachOtherInAnyOrderOfTheirEvents(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"MAAS_VERIFY_STEP": "1ns"})
	s := w.Serve("verify-upload", open)
	file := bytes.Repeat([]byte("bytes "), 1<<20/6)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)

	for range 100 {
		all := events(t, w)
		for i := range all { // the newest first, and the old ones again
			deliver(s, all[len(all)-1-i])
		}
		if w.MustFind(u.ID).Status.Ended() {
			break
		}
	}

	if u := w.MustFind(u.ID); u.Status != api.UploadRejected || u.SHA256.IsZero() {
		t.Errorf("upload %+v", u)
	}
}

func TestAnEventThatIsNotOursIsPoison(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("verify-upload", open)
	w.MustComplete(transfertest.Wanted(len(content)), []byte(content))
	forged := bytes.Replace(events(t, w)[0], []byte(`"tenant":"0`), []byte(`"tenant":"1`), 1)

	for _, text := range [][]byte{[]byte("{}"), []byte("no event"), forged} {
		if status := deliver(s, text); status != http.StatusUnprocessableEntity {
			t.Errorf("status %d for %s", status, text)
		}
	}
}
