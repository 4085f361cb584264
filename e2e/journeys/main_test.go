package journeys

import (
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// the is the host of all journeys: it is set before the first begins.
var the e2etest.SharedHost

func TestMain(m *testing.M) { the.Main(m, 5) }
