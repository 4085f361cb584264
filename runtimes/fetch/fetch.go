package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
)

// config is how the program works; the S3_* variables are objects'.
type config struct {
	Cache      string        `env:"MAAS_FETCH_CACHE"`                                // folder that the pods of a node share; unset: none
	CacheBytes int64         `env:"MAAS_FETCH_CACHE_BYTES" envDefault:"53687091200"` // the most that it holds
	Patience   time.Duration `env:"MAAS_FETCH_PATIENCE" envDefault:"5m"`             // for a store that is away
}

// reported is the time between two lines of progress.
const reported = 5 * time.Second

// configured returns the configuration from the environment. What is wrong in it is Invalid.
func configured(e *env.Env) (config, error) {
	c := config{}
	if err := e.Config(&c); err != nil {
		return c, misused(err)
	}
	return c, nil
}

// fetch downloads the version's files into the folder, by way of the node's cache if there is one, and logs its progress.
func (c config) fetch(ctx context.Context, store *objects.Store, a arguments, log *slog.Logger) error {
	progress := fetching{began: time.Now(), log: log}
	options := []objects.FetchOption{objects.WithPatience(c.Patience), objects.WithProgress(&progress.Progress)}
	if c.Cache != "" {
		cache := objects.OpenFileCache(c.Cache, c.CacheBytes, log)
		defer cache.Close()
		options = append(options, objects.WithCache(cache))
	}
	done := progress.report()
	_, err := objects.Fetch(ctx, store, a.from, a.folder, options...)
	done()
	if err == nil {
		progress.line("fetched")
	}
	return err
}

// fetching is a fetch that goes on.
type fetching struct {
	objects.Progress

	began time.Time
	log   *slog.Logger
}

// report logs every 5 seconds how far the download is, until done is called.
func (f *fetching) report() (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	clock := time.NewTicker(reported)
	go func() { // ends with done
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-clock.C:
				f.line("fetching")
			}
		}
	}()
	return func() {
		clock.Stop()
		close(stop)
		<-stopped
	}
}

// line logs the message with how far the download is. It also logs that the store is being waited for, if it is.
func (f *fetching) line(message string) {
	if err := f.Waiting(); err != nil {
		f.log.Warn("waited for the object store", "error", err.Error())
	}
	//nolint:sloglint // one of two messages that stand above
	f.log.Info(message, "seconds", time.Since(f.began).Seconds(), "bytes", f.Total.Load(),
		"there", f.There.Load(), "from_cache", f.Cached.Load(), "from_store", f.Loaded.Load())
}
