package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/shared/env"
)

const (
	redisDial = time.Second
	redisTime = 500 * time.Millisecond // for one command: a registry answers about as fast
	redisPool = 16
)

// connect returns a client of REDIS_URL, or nil if that is not set. It does not connect before it is used. Each new connection reads the
// credentials again, since they rotate, or signs a password if the cache authenticates by IAM. It fails if the configuration is invalid.
func connect(e *env.Env) (*redis.Client, error) {
	options, err := redisOptions(e)
	if err != nil || options == nil {
		return nil, err
	}
	signed, err := openIAM(e)
	if err != nil {
		return nil, err
	}
	if signed != nil {
		options.ConnMaxLifetime = connectionLife
	}
	trusted, err := e.Authority("REDIS_CA")
	switch {
	case err != nil:
		return nil, err
	case trusted != nil && options.TLSConfig == nil:
		return nil, errors.New("REDIS_CA is set, but REDIS_URL does not begin with rediss://: the connection would not be encrypted")
	case trusted != nil:
		options.TLSConfig.RootCAs = trusted.RootCAs // the name to be verified stays
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = redisDial, redisTime, redisTime
	options.PoolSize, options.ContextTimeoutEnabled = redisPool, true
	options.MaxRetries, options.DialerRetries = -1, 1 // a miss is cheaper than another try
	options.CredentialsProviderContext = func(ctx context.Context) (string, string, error) {
		fresh, err := redisOptions(e)
		if err != nil || fresh == nil {
			return "", "", err
		}
		if signed != nil {
			fresh.Password, err = signed.password(ctx, fresh.Username)
		}
		return fresh.Username, fresh.Password, err
	}
	return redis.NewClient(options), nil
}

// redisOptions returns the options that REDIS_URL says, or nil if it is not set. It fails if the URL is malformed, without showing its password.
func redisOptions(e *env.Env) (*redis.Options, error) {
	address, err := e.Secret("REDIS_URL")
	if err != nil || address == "" {
		return nil, err
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("REDIS_URL is no URL of a Redis server, redis://user:password@host:port/db") // the cause would show the password
	}
	return options, nil
}

// channel is where floors are announced: "epoch scope".
const channel = "maas:floors"

// floorKey returns the key of a scope's floor in Redis.
func floorKey(scope string) string { return "maas:{" + scope + "}:floor" }

// raise sets a scope's floor, unless a higher one stands, and tells everybody.
var raise = redis.NewScript(`
	local floor = redis.call('GET', KEYS[1])
	if not floor or tonumber(floor) <= tonumber(ARGV[1]) then
		redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
	end
	redis.call('PUBLISH', ARGV[3], ARGV[1] .. ' ' .. ARGV[4])`)

// keep sets a value, unless it is older than the floor or than the value that is there. It says whether it has. A floor that stays above what is read once the
// write that announced it must have ended is that of a write that was rolled back: it is lowered to what was read.
var keep = redis.NewScript(`
	local epoch = tonumber(ARGV[1])
	local floor = redis.call('GET', KEYS[2])
	local there = string.match(redis.call('GETRANGE', KEYS[1], 0, 20), '^-?%d+')
	if there and tonumber(there) > epoch then
		return 0
	end
	if floor and tonumber(floor) > epoch then
		local left = redis.call('PTTL', KEYS[2])
		if left > tonumber(ARGV[4]) then
			return 0
		end
		redis.call('SET', KEYS[2], ARGV[1], 'PX', math.max(left, 1))
	end
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
	return 1`)

// countsKey holds what all processes have counted: the second in which they began, and totals. Beside it each process has a key with those of its own
// totals that are among them.
const countsKey = "maas:counts"

// ownCountsKey returns the key of a process's own counts in Redis, in the same slot as countsKey.
func ownCountsKey(process string) string { return "maas:{" + countsKey + "}:" + process }

// add adds to what all processes have counted by how much a process's totals exceed those that were added before. Redis knows these itself, so that what it
// took without an answer is not added again; it is told them, too, for the case that it has forgotten. It returns what all processes have counted.
var add = redis.NewScript(`
	local function numbers(text)
		local found = {}
		for number in string.gmatch(text or '', '%d+') do
			table.insert(found, tonumber(number))
		end
		return found
	end
	local function keep(key, numbers, ...)
		local text = {}
		for i, number in ipairs(numbers) do
			text[i] = string.format('%.0f', number)
		end
		redis.call('SET', key, table.concat(text, ' '), ...)
	end
	local now, told, all = numbers(ARGV[3]), numbers(ARGV[4]), numbers(redis.call('GET', KEYS[1]))
	local added = numbers(redis.call('GET', KEYS[2]))
	if #added ~= #now then
		added = told
	end
	if #all ~= 1 + #now then
		all = {tonumber(ARGV[1])}
	end
	for i = 1, #now do
		all[1 + i] = (all[1 + i] or 0) + now[i] - added[i]
	end
	keep(KEYS[1], all)
	keep(KEYS[2], now, 'EX', ARGV[2])
	return all`)

// Announce invalidates, in all processes, the answers of a scope that are older than the epoch. A writer calls it before it commits and again
// after. It takes at most half a second and never fails: what Redis does not accept is sent again later.
func (s *Store) Announce(ctx context.Context, scope string, epoch int64) {
	s.floors.raise(scope, epoch)
	if s.redis == nil {
		return
	}
	if err := s.tell(ctx, scope, epoch); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.untold) < maxFloors {
			s.untold[scope] = max(epoch, s.untold[scope])
		}
	}
}

// tell raises the scope's floor in Redis and publishes it. ctx's end does not stop it; it takes at most half a second.
func (s *Store) tell(ctx context.Context, scope string, epoch int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisTime)
	defer cancel()
	return raise.Run(ctx, s.redis, []string{floorKey(scope)}, epoch, floorLife.Milliseconds(), channel, scope).Err()
}

// tellLate repeats failed announcements each second until ctx ends, and then once more.
func (s *Store) tellLate(ctx context.Context) {
	for more := true; more; {
		more = backoff.Sleep(ctx, time.Second) == nil
		s.mu.Lock()
		late := s.untold
		s.untold = map[string]int64{}
		s.mu.Unlock()
		for scope, epoch := range late {
			s.Announce(ctx, scope, epoch)
		}
	}
}

// listen keeps the subscription to floors, and subscribes again after each failure, until ctx ends. While there is no subscription the process
// keeps answers for a second only.
func (s *Store) listen(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		err := s.subscribe(ctx)
		if (s.together.Swap(false) || first) && ctx.Err() == nil {
			s.log.WarnContext(ctx, "Redis is away: answers are kept for a second only", "error", err)
		}
		_ = backoff.Sleep(ctx, 200*time.Millisecond) // the loop reads ctx
	}
}

// silence is after how long without a message the connection is tried.
const silence = 2 * time.Second

// subscribe listens to floors until the connection fails or ctx ends, and returns that error. It first invalidates what the process keeps, since
// announcements may have been missed. It sends a ping after two seconds of silence.
func (s *Store) subscribe(ctx context.Context) error {
	sub := s.redis.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // a read does not end with its context
	if _, err := sub.ReceiveTimeout(ctx, redisDial); err != nil {
		return err
	}
	s.era.Add(1) // what was announced before was not heard
	s.together.Store(true)
	for asked := false; ; {
		message, err := sub.ReceiveTimeout(ctx, silence)
		var late net.Error
		switch {
		case err == nil:
			asked = false
			s.hear(message)
		case ctx.Err() == nil && !asked && errors.As(err, &late) && late.Timeout():
			asked = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// hear raises the floor that a message of the subscription announces. Other messages are ignored.
func (s *Store) hear(message any) {
	m, ok := message.(*redis.Message)
	if !ok {
		return // an answer to our ping
	}
	text, scope, _ := strings.Cut(m.Payload, " ")
	if epoch, err := strconv.ParseInt(text, 10, 64); err == nil {
		s.floors.raise(scope, epoch)
	}
}

// encode returns an answer in Redis's form: the epoch in decimal, a mark (v for a value, n for a negative entry), and
// the payload.
func encode(epoch int64, mark byte, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+24)
	b = append(strconv.AppendInt(b, epoch, 10), ' ', mark)
	return append(b, payload...)
}

// decode takes apart what encode returned: the epoch, the mark and the payload. It fails if the text is malformed.
func decode(text string) (epoch int64, mark byte, payload string, err error) {
	number, rest, _ := strings.Cut(text, " ")
	if epoch, err = strconv.ParseInt(number, 10, 64); err == nil && rest == "" {
		err = fmt.Errorf("cache: a value of %d bytes has no mark", len(text))
	}
	if err != nil {
		return 0, 0, "", err
	}
	return epoch, rest[0], rest[1:], nil
}
