package httpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"

func TestARequestEndsWhenItsClientGoesWhateverItSentBefore(t *testing.T) {
	t.Parallel()
	for sent, text := range map[string]string{
		"nothing more": "", "a line break": "\r\n", "a byte": "x", "another request": post, "a part of another": "POST /",
	} {
		for went, leave := range map[string]func(client){
			"closed":      func(c client) { _ = c.Close() },
			"reset":       func(c client) { _ = c.SetLinger(0); _ = c.Close() },
			"half closed": func(c client) { _ = c.CloseWrite() },
		} {
			t.Run(sent+", "+went, func(t *testing.T) {
				t.Parallel()
				handler, entered, ended := waiting()
				_, address := serve(t, handler)
				c := dial(t, address)
				c.send(post)
				<-entered
				c.send(text)
				time.Sleep(20 * time.Millisecond) // net/http has read a byte of it, and reads no more
				left := time.Now()
				leave(c)
				select {
				case cause := <-ended:
					t.Logf("after %s", time.Since(left))
					if !errors.Is(cause, context.Canceled) {
						t.Errorf("the cause is %v", cause)
					}
				case <-time.After(patience):
					t.Fatal("the request goes on")
				}
			})
		}
	}
}

func TestARequestEndsWhenItsClientGoesBeforeTheBodyWasRead(t *testing.T) {
	t.Parallel()
	ended, entered := make(chan struct{}), make(chan struct{})
	_, address := serve(t, func(_ http.ResponseWriter, r *http.Request) { close(entered); <-r.Context().Done(); close(ended) })
	c := dial(t, address)
	c.send(post)
	<-entered
	_ = c.Close()
	within(t, "the request ends", ended)
}

func TestAStreamOfHTTP2EndsAlone(t *testing.T) {
	t.Parallel()
	handler, entered, ended := waiting()
	_, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			handler(w, r)
		}
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(ctx context.Context, path string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	ctx, leave := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() { asked <- ask(ctx, "/wait") }() // ends with ctx
	<-entered
	leave() // RST_STREAM
	<-ended
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := ask(t.Context(), "/"); err != nil {
		t.Error(err)
	}
}

func TestAClientThatStaysIsNotGone(t *testing.T) {
	t.Parallel()
	_, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			http.Error(w, "gone", http.StatusTeapot)
		case <-time.After(50 * time.Millisecond):
			_, _ = io.WriteString(w, "done")
		}
	})
	c := dial(t, address)
	for range 3 {
		c.send(post)
		if status, body := c.answer(); status != http.StatusOK || body != "done" {
			t.Errorf("%d, %q", status, body)
		}
	}
}

func TestConnectionsComeAndGoTogether(t *testing.T) {
	t.Parallel()
	handler, entered, ended := waiting()
	s, address := serve(t, handler)
	for range 20 {
		const many = 8
		var all []client
		for range many {
			c := dial(t, address)
			c.send(post + "x")
			all = append(all, c)
		}
		for range many {
			<-entered
		}
		for _, c := range all {
			go c.Close() // ends at once
		}
		for range many {
			<-ended
		}
	}
	for until := time.Now().Add(patience); s.Stats().Open > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d connections are remembered", s.Stats().Open)
		}
	}
}

var errStopping = errors.New("stopping")

func TestADrainAwaitsWhatEnds(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	s, address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(w, "done")
	})
	c := dial(t, address)
	c.send(post)
	<-entered
	if err := s.Drain(t.Context(), errStopping); err != nil {
		t.Error(err)
	}
	if _, body := c.answer(); body != "done" {
		t.Errorf("%q", body)
	}
}

func TestWhatIsLeftAfterADrainIsToldWhy(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 2)
	s, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		if r.Method == http.MethodPut {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		<-r.Context().Done()
		http.Error(w, context.Cause(r.Context()).Error(), http.StatusServiceUnavailable)
	})
	called, uploading := dial(t, address), dial(t, address)
	called.send(post)
	uploading.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
	<-entered
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx, errStopping); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain gives %v", err)
	}
	for _, c := range []client{called, uploading} {
		if status, body := c.answer(); status != http.StatusServiceUnavailable || body != "stopping\n" {
			t.Errorf("%d, %q", status, body)
		}
	}
}

func TestWhoDoesNotEndIsCutOff(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s, address := serve(t, func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	t.Cleanup(func() { close(leave) })
	c := dial(t, address)
	c.send(post)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Drain(ctx, errStopping); err == nil {
		t.Error("nothing was left")
	}
	if _, err := http.ReadResponse(bufio.NewReader(c.TCPConn), nil); err == nil {
		t.Error("there is an answer")
	}
}
