package transfer_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfer"
	"github.com/17882237881/MaaS/shared/transfertest"
)

// mostChunks is as many as a store takes.
const mostChunks = 10_000

// almostStored returns an open upload of 10,000 chunks, of which the first ones are stored by our rows alone. The last chunk has one byte.
func almostStored(t testing.TB, w *transfertest.World, stored int) api.Upload {
	t.Helper()
	in := transfertest.Wanted((mostChunks-1)*api.MinChunk + 1)
	in.Filename = ref.Path(fmt.Sprintf("%d.data", stored))
	u := w.MustBegin(in)
	change(t, w, `insert into upload_chunks (upload, index, tenant_id, sha256, size, generation, until, state)
		select $1, n, $2, $3, $4, gen_random_uuid(), now(), 'stored' from generate_series(0, $5::int - 1) n`,
		u.ID, w.Owner.Tenant, ref.SumOf(nil).Bytes(), api.MinChunk, stored)
	return u
}

// lastChunk returns the chunk of one byte.
func lastChunk(u api.Upload) (transfer.Chunk, []byte) {
	content := []byte{1}
	return transfertest.ChunkOf(u, u.Count-1, content), content
}

// TestAChunkReadsNoRowOfOtherChunks makes each read of another chunk's row an error.
func TestAChunkReadsNoRowOfOtherChunks(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := almostStored(t, w, mostChunks-1)
	change(t, w, `create function trap(index int) returns boolean language plpgsql as $$ begin raise exception 'chunk % is read', index; end $$`)
	change(t, w, fmt.Sprintf(`create policy trap on upload_chunks as restrictive using (index = %d or trap(index))`, u.Count-1))
	c, content := lastChunk(u)

	for range 2 { // sent, and sent again
		got, err := w.Receive(t.Context(), w.Owner, c, bytes.NewReader(content))
		if w.Must(err); got.Received != u.Size {
			t.Errorf("%d bytes are received, want %d", got.Received, u.Size)
		}
	}

	change(t, w, `delete from upload_chunks where upload = $1 and index = $2`, u.ID, u.Count-1)
	if _, err := w.Find(t.Context(), w.Owner, api.GetUploadRequest{ID: u.ID}); err == nil || !strings.Contains(err.Error(), "is read") {
		t.Errorf("the trap did not close on a read of all rows: %v", err)
	}
	// Who follows an upload looks at it each second.
	for change, err := range w.Follow(t.Context(), w.Owner, u.ID, "") {
		if w.Must(err); change.State.Received != u.Size-1 {
			t.Errorf("%+v", change)
		}
		break
	}
}

// TestStoredChunksAreCountedRightly compares what is counted as chunks come and go with the rows.
func TestStoredChunksAreCountedRightly(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u, other := almostStored(t, w, 9), almostStored(t, w, 3)
	c, content := lastChunk(u)
	for _, sql := range []string{
		``,
		`delete from upload_chunks where index in (2, 5)`,
		`update upload_chunks set until = now() + interval '1 hour', etag = 'x' where state = 'stored'`,
		`insert into upload_chunks (upload, index, tenant_id, sha256, size, generation, until)
			select upload, 5, tenant_id, sha256, 7, gen_random_uuid(), now() from upload_chunks where index = 0`,
		`update upload_chunks set state = 'stored' where index = 5`,
		`delete from upload_chunks`,
	} {
		if sql != "" {
			change(t, w, sql)
		}
		_, err := w.Receive(t.Context(), w.Owner, c, bytes.NewReader(content))
		w.Must(err)
		for _, id := range []api.Upload{u, other} {
			want := count(t, w, `select coalesce(sum(size), 0)::bigint from upload_chunks where upload = $1 and state = 'stored'`, id.ID)
			if now := w.MustFind(id.ID); now.Received != int64(want) {
				t.Errorf("after %q %d bytes of %s are received, want %d", sql, now.Received, now.Path, want)
			}
		}
	}
}

// BenchmarkChunk sends a chunk to an upload that has few chunks and to one that has nearly all, in turns. It reports the median of each.
func BenchmarkChunk(b *testing.B) {
	w := transfertest.New(b)
	few, many := almostStored(b, w, 10), almostStored(b, w, mostChunks-10)
	took := map[string][]time.Duration{}
	for b.Loop() {
		for name, u := range map[string]api.Upload{"10": few, "9990": many} {
			c, content := lastChunk(u)
			change(b, w, `delete from upload_chunks where upload = $1 and index = $2`, u.ID, c.Index)
			began := time.Now()
			_, err := w.Receive(b.Context(), w.Owner, c, bytes.NewReader(content))
			w.Must(err)
			took[name] = append(took[name], time.Since(began))
		}
	}
	for name, all := range took {
		b.ReportMetric(float64(middle(all))/1e6, "ms/chunk-at-"+name)
	}
}

// middle returns the median.
func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
