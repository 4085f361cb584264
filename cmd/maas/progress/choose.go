package progress

import (
	"io"
	"os"

	"golang.org/x/term"

	maas "github.com/17882237881/MaaS/client"
)

// Choose returns a bar where w is a terminal that can move its cursor, and lines elsewhere. done ends the drawing.
func Choose(w io.Writer, getenv func(string) string) (shown maas.Progress, done func()) {
	if file, ok := w.(*os.File); ok {
		if _, height, err := term.GetSize(int(file.Fd())); err == nil && movesCursor(getenv("TERM"), height) {
			bar := NewBar(file)
			return bar, bar.Wait
		}
	}
	return NewLines(w), func() {}
}

// movesCursor reports whether a terminal of the type (TERM) and height obeys escape sequences. The types "" and "dumb" do not.
func movesCursor(terminal string, height int) bool {
	return height > 0 && terminal != "" && terminal != "dumb"
}
