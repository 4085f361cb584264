package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	infer "github.com/17882237881/MaaS/functions/infer"
	versions "github.com/17882237881/MaaS/functions/versions"
	"github.com/17882237881/MaaS/shared/serve"
)

// child is the variable that makes the test's own program one of the servers.
const child = "MAAS_BENCH_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "plain":
		servePlain()
	case "infer":
		serve.Main("infer", infer.New())
	case "versions":
		serve.Main("versions", versions.New())
	default:
		os.Exit(m.Run())
	}
}

// answerText is what every server answers: some 400 bytes, as a small model does.
var answerText = `{"model_name":"acme/adder","model_version":"1.0.0","outputs":[{"name":"y","datatype":"FP32","shape":[40],"data":[` +
	strings.TrimSuffix(strings.Repeat("0.0625,", 40), ",") + `]}]}`

// servePlain is net/http and nothing else: the peer, and the model server that answers at once.
func servePlain() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	text := []byte(answerText)
	err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(text)
	}))
	panic(err)
}

// start runs a server until the benchmark ends, and returns the first line of its output, if it writes one.
func start(b *testing.B, cmd *exec.Cmd) (line string) {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, _ = bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line)
}

// plain starts net/http alone.
func plain(b *testing.B) (address string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=plain")
	return start(b, cmd)
}

// awaitReady waits until the address answers 200.
func awaitReady(b *testing.B, address string) {
	b.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(address) // bounded by end
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
	b.Fatalf("%s is not ready within 20 s", address)
}

// freeAddress returns one that nobody listens on now.
func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
