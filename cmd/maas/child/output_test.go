package child

import (
	"log/slog"
	"testing"
)

func FuzzOutput(f *testing.F) {
	f.Add([]byte("one\ntwo"), []byte("\n"))
	f.Add([]byte(`{"level":"INFO","msg":"x"`), []byte("}\n"))
	f.Add([]byte("{\"level\":3,\"msg\":[]}\n"), []byte{0xff})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		out := &lines{log: slog.New(slog.NewJSONHandler(t.Output(), nil))}
		for _, p := range [][]byte{first, second} {
			if n, err := out.Write(p); n != len(p) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			if len(out.rest) >= maxLine {
				t.Fatalf("%d bytes are kept", len(out.rest))
			}
		}
		out.flush()
	})
}
