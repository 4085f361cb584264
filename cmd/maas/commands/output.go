package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/fault"
)

// output is where a command writes: results to stdout, the rest to stderr.
type output struct {
	stdout, stderr io.Writer
	json           bool
	quiet          bool
}

// newOutput returns the output of a command by its flags --output and --quiet. A format other than text and json is a usage error.
func newOutput(cmd *cobra.Command) (*output, error) {
	o := &output{stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), quiet: cmd.Flag("quiet").Value.String() == "true"}
	switch cmd.Flag("output").Value.String() {
	case "text":
	case "json":
		o.json = true
	default:
		return nil, misuse(fault.New(fault.Invalid, "The output is text or json.", fault.Field("output")))
	}
	return o, nil
}

// result prints value as JSON with --output json, and otherwise calls text to write it to stdout. It returns the first error of writing.
func (o *output) result(value any, text func(w io.Writer)) error {
	if o.json {
		encoder := json.NewEncoder(o.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	written := &failing{w: o.stdout}
	text(written)
	return written.err
}

// table prints value as JSON, or the rows under their heads with unsafe characters escaped. Without rows it prints nothing to stdout, and
// "none" to stderr.
func (o *output) table(value any, heads []string, rows [][]string) error {
	return o.result(value, func(w io.Writer) {
		if len(rows) == 0 {
			o.sayf("none")
			return
		}
		columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(columns, strings.Join(heads, "\t"))
		for _, row := range rows {
			for i := range row {
				row[i] = safe(row[i])
			}
			fmt.Fprintln(columns, strings.Join(row, "\t"))
		}
		_ = columns.Flush() // w remembers its error
	})
}

// sayf writes a line to stderr, with unsafe characters escaped. With --quiet it writes nothing.
func (o *output) sayf(format string, values ...any) {
	if !o.quiet {
		fmt.Fprintln(o.stderr, safe(fmt.Sprintf(format, values...)))
	}
}

// between is how long nothing is said about the same trouble.
const between = 10 * time.Second

// retrying returns a function that reports on stderr an error which is being retried. It prints one line in 10 seconds at most.
func (o *output) retrying() func(error) {
	var mu sync.Mutex
	var last time.Time
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) > between {
			last = time.Now()
			o.sayf("%s Trying again.", Explain(err))
		}
	}
}

// failing remembers the first error of a writer.
type failing struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (f *failing) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.w.Write(p)
	f.err = err
	return n, err
}

// safe returns s with each character escaped that is not printable: a terminal would obey it, or show something else.
func safe(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// when formats t in local time as "2006-01-02 15:04", and the zero time as "-".
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// whenever is when for a time that may be nil, which becomes "-".
func whenever(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}
