package progress

import (
	"fmt"
	"time"
)

// Bytes formats a number of bytes for people: "512 B", "4.3 KiB".
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/(1<<10), 0
	for value >= 1023.95 && unit < len(units)-1 { // it would be written as 1024.0
		value /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

var units = [...]string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// duration formats d, rounded to seconds: "0:42", "1:02:03".
func duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// String returns "1.2 MiB of 4.0 MiB (30 %), 2.0 MiB/s, 0:02 left".
func (r reading) String() string {
	text := fmt.Sprintf("%s of %s (%d %%)", Bytes(r.done), Bytes(r.size), r.percent())
	if r.rate > 0 && r.done < r.size {
		text += fmt.Sprintf(", %s/s, %s left", Bytes(int64(r.rate)), duration(r.left))
	}
	return text
}

// percent returns how much of the bytes is done, in percent rounded down; 0 for an empty file.
func (r reading) percent() int64 {
	if r.size <= 0 {
		return 0
	}
	return int64(float64(r.done) / float64(r.size) * 100)
}
