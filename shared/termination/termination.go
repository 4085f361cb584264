// Package termination is how programs in pods end: by which exit status, and with last words where Kubernetes looks for them, in the
// termination message of the container.
package termination

import (
	"os"
	"strings"
	"unicode/utf8"
)

// Path is where a container's termination message is read from, unless its spec says otherwise.
const Path = "/dev/termination-log"

// Exit statuses that no second try mends. With any other the program may do better the next time.
const (
	Misused = 2 // it is not called or configured as it must be
	Differs = 3 // runtimes/fetch: the store does not hold the version as it was published: an operator must mend it
	Refused = 4 // model servers: the version's files are no model that it serves

	OutOfMemory = 5 // model servers: the model needs more memory than they are given (allowance.Memory)
	OutOfTime   = 6 // model servers: loading the model takes more CPU time than they are given (allowance.Load)
)

// longest is the most that Kubernetes reads of a container, in bytes (Kubernetes documentation, "Determine the Reason for Pod Failure").
const longest = 4096

// Say makes the sentence the message in the file at path, on one line. Where there is no such file the program runs in no container, and
// nobody asks; a message that cannot be left is still in the log.
func Say(path, sentence string) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return
	}
	_, _ = file.WriteString(line(sentence)) // as above
	_ = file.Close()
}

// line returns the sentence on one line, cut at longest bytes.
func line(sentence string) string {
	sentence = strings.Join(strings.Fields(sentence), " ")
	if len(sentence) <= longest {
		return sentence
	}
	end := longest
	for !utf8.RuneStart(sentence[end]) {
		end--
	}
	return sentence[:end]
}
