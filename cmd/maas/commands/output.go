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

// result prints value as JSON, or as text writes it.
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

// table prints value as JSON, or the rows under their heads. Heads are left out where there is no row, and that is said.
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

// sayf writes a message to stderr, unless it is to be quiet.
func (o *output) sayf(format string, values ...any) {
	if !o.quiet {
		fmt.Fprintln(o.stderr, safe(fmt.Sprintf(format, values...)))
	}
}

// between is how long nothing is said about the same trouble.
const between = 10 * time.Second

// retrying returns a function that reports an error which is being retried. It prints at most one line each time
// between has passed.
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

// safe writes what a terminal would obey, or would show as something else, as escapes.
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

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func whenever(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}
