package share_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/share"
)

func newPool(most int64) *share.Pool {
	return share.NewPool(share.Limit{Most: most, Noun: "event streams", Setting: "MAAS_STREAMS"})
}

// fill takes units one by one, as one call each, until the holder is refused, and returns how many it got.
func fill(p *share.Pool, h share.Holder) (held int64, err error) {
	for {
		l := p.Loan(h)
		if err := l.Take(1); err != nil {
			return held, err
		}
		held += l.Held()
	}
}

func TestOneCredentialHoldsAQuarterAtMost(t *testing.T) {
	t.Parallel()
	p := newPool(240)

	held, err := fill(p, share.Holder{Tenant: "a", Credential: "1"})

	faulttest.AssertKind(t, err, fault.RateLimited)
	if want := int64(240 / share.Lone); held != want || !strings.HasPrefix(err.Error(), "share.Take: This credential holds its share of the 240 event streams (MAAS_STREAMS)") {
		t.Errorf("it holds %d, want %d; the refusal is %v", held, want, err)
	}
}

func TestOneTenantHoldsHalfAtMost(t *testing.T) {
	t.Parallel()
	p := newPool(240)
	var held int64
	var err error
	for i := range 100 {
		var more int64
		more, err = fill(p, share.Holder{Tenant: "a", Credential: strconv.Itoa(i)})
		held += more
	}
	if held != 120 || !strings.Contains(err.Error(), "Your tenant holds its share of the 240") {
		t.Errorf("it holds %d, want 120; the refusal is %v", held, err)
	}
}

// TestSomebodyNewFindsRoom has one tenant after the other take all that it gets, with many credentials, and keep it: the worst case.
func TestSomebodyNewFindsRoom(t *testing.T) {
	t.Parallel()
	p := newPool(10_000)
	for tenant := range 10 {
		free := p.Stats().Limit - p.Stats().Used
		var held int64
		for credential := range 20 {
			more, _ := fill(p, share.Holder{Tenant: strconv.Itoa(tenant), Credential: strconv.Itoa(credential)})
			held += more
		}
		if held < free/2-1 || held > free/2+1 {
			t.Fatalf("tenant %d got %d where %d were free", tenant, held, free)
		}
	}
}

func TestASmallPoolCanBeUsed(t *testing.T) {
	t.Parallel()
	p := newPool(1)
	l := p.Loan(share.Holder{Tenant: "a"})
	if err := l.Take(1); err != nil {
		t.Fatal(err)
	}
	other := p.Loan(share.Holder{Tenant: "b"})
	err := other.Take(1)
	if want := "Too few of the 1 event streams (MAAS_STREAMS) are free; try again later."; fault.From(err).Message != want || fault.From(err).RetryAfter == 0 {
		t.Errorf("the refusal is %v, want %q", err, want)
	}
	l.End()
	if err := other.Take(1); err != nil {
		t.Error(err)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	p := newPool(8)
	h := share.Holder{Tenant: "a", Credential: "1"}
	held, _ := fill(p, h)
	if l := p.Loan(h); l.TryTake(1) {
		t.Error("it got more than its share")
	}
	m := p.Loan(share.Holder{Tenant: "b"})
	_ = m.Take(100)
	if got := p.Stats(); got.Refusals != (share.Refusals{Whole: 1, Credential: 1}) || got.Used != held || got.Limit != 8 || got.Holders != 1 {
		t.Errorf("the stats are %+v", got)
	}
}

// TestWhatNeverFitsIsTooLarge asks an idle pool for as much as its rule allows, and for more.
func TestWhatNeverFitsIsTooLarge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Int64Range(1, 5000).Draw(t, "most")
		first := rapid.Int64Range(0, 2000).Draw(t, "first")
		n := rapid.Int64Range(1, 5000).Draw(t, "n")
		l := newPool(most).Loan(share.Holder{Tenant: "a", Credential: "1"})
		if l.Take(first) != nil {
			first = 0
		}
		err := l.Take(n)
		if err == nil {
			return
		}
		if got := fault.From(err); got.Kind != fault.TooLarge || got.RetryAfter != 0 {
			t.Fatalf("%d more than %d of %d, of which nobody else has anything: %v", n, first, most, err)
		}
	})
}

func TestWhatIsTooLargeIsSaid(t *testing.T) {
	t.Parallel()
	p := newPool(8000)
	l := p.Loan(share.Holder{Tenant: "a", Credential: "1"})
	if err := l.Take(1500); err != nil {
		t.Fatal(err)
	}
	err := l.Take(501)
	if want := "This takes 2,001 event streams, and this credential gets at most 2,000 of the 8,000 (MAAS_STREAMS)."; fault.From(err).Message != want {
		t.Errorf("the refusal is %v, want %q", err, want)
	}
	other := p.Loan(share.Holder{Tenant: "a", Credential: "1"})
	faulttest.AssertKind(t, other.Take(501), fault.RateLimited) // which fits when the first has ended
}

// TestThePoolKeepsItsRule takes and returns at random, and compares each decision with the rule as the package's comment states it.
func TestThePoolKeepsItsRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Int64Range(1, 1000).Draw(t, "most")
		p := newPool(most)
		loans := map[share.Holder]*share.Loan{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			h := share.Holder{Tenant: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant"), Credential: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "credential")}
			if loans[h] == nil {
				l := p.Loan(h)
				loans[h] = &l
			}
			l := loans[h]
			if rapid.Bool().Draw(t, "return") {
				l.Return(rapid.Int64Range(0, l.Held()).Draw(t, "back"))
			} else {
				takeAndCompare(t, p, most, loans, h, rapid.Int64Range(1, most).Draw(t, "n"))
			}
		}
		for _, l := range loans {
			l.End()
		}
		if s := p.Stats(); s.Used != 0 || s.Holders != 0 {
			t.Fatalf("something leaked: %+v", s)
		}
	})
}

func takeAndCompare(t *rapid.T, p *share.Pool, most int64, loans map[share.Holder]*share.Loan, h share.Holder, n int64) {
	var used, tenant int64
	for other, l := range loans {
		used += l.Held()
		if other.Tenant == h.Tenant {
			tenant += l.Held()
		}
	}
	mine := loans[h].Held()
	free := most - used - n
	may := free >= 0 &&
		(tenant+n <= free || tenant == 0 && n == 1) &&
		(mine+n <= (most-used+tenant)/2-tenant-n || mine == 0 && n == 1)
	err := loans[h].Take(n)
	if (err == nil) != may {
		t.Fatalf("%d more for %v, which holds %d and its tenant %d, of %d where %d are used: %v", n, h, mine, tenant, most, used, err)
	}
	if s := p.Stats(); s.Used > most {
		t.Fatalf("%d are lent of %d", s.Used, most)
	}
}

func TestThePoolUnderConcurrency(t *testing.T) {
	t.Parallel()
	p := newPool(1000)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 2000 {
				l := p.Loan(share.Holder{Tenant: strconv.Itoa(i % 4), Credential: strconv.Itoa(i % 8)})
				for range 5 {
					_ = l.Take(30)
				}
				if s := p.Stats(); s.Used > s.Limit {
					t.Errorf("%d are lent of %d", s.Used, s.Limit)
				}
				l.End()
			}
		})
	}
	all.Wait()
	if s := p.Stats(); s.Used != 0 || s.Holders != 0 {
		t.Errorf("something leaked: %+v", s)
	}
}

func TestALoanAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	p := newPool(1000)
	h := share.Holder{Tenant: "a", Credential: "1"}
	if n := testing.AllocsPerRun(1000, func() {
		l := p.Loan(h)
		_ = l.Take(10)
		l.End()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLoan(b *testing.B) {
	p := newPool(1000)
	h := share.Holder{Tenant: "a", Credential: "1"}
	b.ReportAllocs()
	for b.Loop() {
		l := p.Loan(h)
		_ = l.Take(10)
		l.End()
	}
}
