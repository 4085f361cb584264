package hostile

import (
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// the is the host of all tests that need none of their own: it is set before the first begins.
var the e2etest.SharedHost

// TestMain runs a test at a time: what one takes, the innocent caller of another would miss.
func TestMain(m *testing.M) { the.Main(m, 1) }
