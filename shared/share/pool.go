package share

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// Limit describes a Pool. The texts go into the sentences of its refusals: "Your tenant holds its share of the 256 event streams (MAAS_UPLOAD_FOLLOWERS)".
type Limit struct {
	Most    int64
	Noun    string // what it is an amount of, in the plural: "event streams"
	Setting string // the variable that sets Most

	Tenant     string        // what a Holder's Tenant is to its caller; "your tenant" if empty
	Credential string        // what its Credential is; "this credential" if empty
	RetryAfter time.Duration // a second if 0
}

// Pool is an amount that callers share and do not wait for: it lends, or refuses. It is safe for concurrent use.
type Pool struct {
	limit Limit

	mu       sync.Mutex
	used     int64
	refusals Refusals
	accounts map[Holder]*account
	tenants  map[string]*account
	spare    recycled[account]
}

// account is what a tenant, or a credential within it, has of a Pool. It is there while a Loan uses it.
type account struct {
	holder Holder
	tenant *account // nil for a tenant's own
	used   int64
	loans  int // of a credential; of a tenant: its credentials
}

// Stats is what a Pool holds at the moment, and what it has refused so far.
type Stats struct {
	Limit, Used int64
	Holders     int // credentials that hold something
	Refusals    Refusals
}

// Refusals counts what was refused, by what was used up.
type Refusals struct{ Whole, Tenant, Credential uint64 }

// Add adds the counts of another.
func (r *Refusals) Add(more Refusals) {
	r.Whole += more.Whole
	r.Tenant += more.Tenant
	r.Credential += more.Credential
}

// NewPool returns a Pool of limit.Most units, with the defaults in place of empty texts and a zero RetryAfter.
func NewPool(limit Limit) *Pool {
	limit.Tenant, limit.Credential = cmp.Or(limit.Tenant, "your tenant"), cmp.Or(limit.Credential, "this credential")
	limit.RetryAfter = cmp.Or(limit.RetryAfter, time.Second)
	return &Pool{limit: limit, accounts: map[Holder]*account{}, tenants: map[string]*account{}}
}

// Stats returns the Pool's state, for metrics.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Limit: p.limit.Most, Used: p.used, Holders: len(p.accounts), Refusals: p.refusals}
}

// Loan is what one call or stream holds of a Pool. It is not safe for concurrent use. The zero Loan, and one that holds nothing, needs no End.
type Loan struct {
	pool    *Pool
	holder  Holder
	account *account // nil while nothing is held
	taken   int64
}

// Loan returns a loan of nothing to the holder.
func (p *Pool) Loan(h Holder) Loan { return Loan{pool: p, holder: h} }

// Held returns how much the loan holds.
func (l *Loan) Held() int64 { return l.taken }

// Take adds n units to the loan. It fails, and adds nothing, with RateLimited if the pool has not so many left or the holder's share is used up, and with
// TooLarge if the loan would hold more than the holder's share of an idle pool, so that waiting does not help. The sentence says which.
func (l *Loan) Take(n int64) error {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	s := l.grow(n)
	if s == fits {
		return nil
	}
	p.refusals.count(s)
	if whole := l.taken + n; whole > p.lone() {
		return p.tooLarge(whole)
	}
	return p.refusal(s)
}

// TryTake adds n units to the loan and reports whether it could. Unlike Take it does not count a refusal.
func (l *Loan) TryTake(n int64) bool {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	return l.grow(n) == fits
}

// Return removes n units from the loan. It panics if the loan holds fewer.
func (l *Loan) Return(n int64) {
	if n > l.taken {
		panic("share: more is returned than was taken")
	}
	if n == 0 {
		return
	}
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.taken -= n
	l.account.used -= n
	l.account.tenant.used -= n
	p.used -= n
	if l.taken == 0 {
		p.close(l.account)
		l.account = nil
	}
}

// End returns all units of the loan, which may be used again.
func (l *Loan) End() { l.Return(l.taken) }

// scope says what keeps an amount from being lent.
type scope int

const (
	fits scope = iota
	wholeUsed
	tenantUsed
	credentialUsed
)

// grow adds n units to the loan and returns fits, or adds nothing and returns what is used up. It panics if n is negative. The caller has the
// pool's mutex.
func (l *Loan) grow(n int64) scope {
	p := l.pool
	if n < 0 {
		panic("share: a negative amount is asked for")
	}
	if n == 0 {
		return fits
	}
	a := l.account
	if a == nil {
		a = p.open(l.holder)
	}
	if s := p.judge(a, n); s != fits {
		if l.account == nil {
			p.close(a)
		}
		return s
	}
	l.account = a
	l.taken += n
	a.used += n
	a.tenant.used += n
	p.used += n
	return fits
}

// judge returns fits if the account may take n more units, and otherwise what is used up, by the rule of the package's comment. A tenant or
// credential that holds nothing gets a first unit if one is free.
func (p *Pool) judge(a *account, n int64) scope {
	t := a.tenant
	free := p.limit.Most - p.used - n
	switch {
	case free < 0, t.used == 0 && n > 1 && n > free:
		return wholeUsed
	case t.used+n > free && (t.used > 0 || n > 1):
		return tenantUsed
	}
	most := (p.limit.Most - (p.used - t.used)) / 2 // that the tenant can come to hold
	if a.used+n > most-(t.used+n) && (a.used > 0 || n > 1) {
		return credentialUsed
	}
	return fits
}

// lone returns the most that one credential can hold, which is what it gets when nobody else uses the pool.
func (p *Pool) lone() int64 { return max(1, p.limit.Most/Lone) }

// open returns the holder's account after adding a loan to it. It creates the account, and that of the holder's tenant,
// if there is none. Each call needs a close. The caller has p's lock.
func (p *Pool) open(h Holder) *account {
	a := p.accounts[h]
	if a == nil {
		t := p.tenants[h.Tenant]
		if t == nil {
			t = p.spare.get()
			t.holder.Tenant = h.Tenant
			p.tenants[h.Tenant] = t
		}
		t.loans++
		a = p.spare.get()
		a.holder, a.tenant = h, t
		p.accounts[h] = a
	}
	a.loans++
	return a
}

// close removes a loan from the account. An account without loans is deleted, and so is its tenant's if that was the
// last. The caller has p's lock.
func (p *Pool) close(a *account) {
	if a.loans--; a.loans > 0 {
		return
	}
	t := a.tenant
	delete(p.accounts, a.holder)
	*a = account{}
	p.spare.put(a)
	if t.loans--; t.loans == 0 {
		delete(p.tenants, t.holder.Tenant)
		*t = account{}
		p.spare.put(t)
	}
}

// count counts a refusal by what was used up; fits is none.
func (r *Refusals) count(s scope) {
	switch s {
	case wholeUsed:
		r.Whole++
	case tenantUsed:
		r.Tenant++
	case credentialUsed:
		r.Credential++
	case fits:
	}
}

// refusal returns the RateLimited error that says what was used up.
func (p *Pool) refusal(s scope) error {
	of := fmt.Sprintf("the %s %s (%s)", fault.Count(p.limit.Most), p.limit.Noun, p.limit.Setting)
	var message string
	switch s {
	case tenantUsed:
		message = fmt.Sprintf("%s holds its share of %s; end what you hold, or try again later.", upper(p.limit.Tenant), of)
	case credentialUsed:
		message = fmt.Sprintf("%s holds its share of %s; end what you hold, or try again later.", upper(p.limit.Credential), of)
	case wholeUsed, fits:
		message = fmt.Sprintf("Too few of %s are free; try again later.", of)
	}
	return fault.New(fault.RateLimited, message, fault.Op("share.Take"), fault.RetryAfter(p.limit.RetryAfter))
}

// tooLarge returns the TooLarge error for a loan that would hold n units.
func (p *Pool) tooLarge(n int64) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("This takes %s %s, and %s gets at most %s of the %s (%s).",
		fault.Count(n), p.limit.Noun, p.limit.Credential, fault.Count(p.lone()), fault.Count(p.limit.Most), p.limit.Setting), fault.Op("share.Take"))
}

// upper returns the text with its first letter, if that is ASCII, as a capital. The text must not be empty.
func upper(text string) string {
	if text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return string(text[0]-'a'+'A') + text[1:]
}
