package identity

import (
	_ "embed"
	"strings"
)

// commonText has one password a line, in lowercase: the 20,000 most frequent of the leaks that haveibeenpwned.com collects, as Django
// 5.2 ships them (django/contrib/auth/common-passwords.txt.gz, compiled by Royce Williams).
//
//go:embed common.txt
var commonText string

// isCommon reports whether a password, in lowercase, is easy to guess. It is if it is on the list, repeats a listed word, has digits and marks
// around one or digits for its letters, repeats at most 4 bytes, or follows the keyboard or the alphabet.
func isCommon(lower string) bool {
	unit := period(lower)
	core := period(strings.Trim(unit, around))
	return len(unit) <= maxUnit || isRun(lower) || len(core) >= minRun && isRun(core) ||
		onList(lower) || onList(unit) || onList(plain(core, "i")) || onList(plain(core, "l"))
}

const (
	// around is what people put before and after a word to please a rule.
	around  = "0123456789 !#%&*+,-./:;=?^_~'\"()<>[]{}|\\`"
	maxUnit = 4 // a piece of so many bytes is common however often it is said
	minRun  = 6 // so many bytes in a row are no accident
)

// onList reports whether the list has the word as a line. The empty word is not on it.
func onList(word string) bool {
	return word != "" && !strings.Contains(word, "\n") && strings.Contains(commonText, "\n"+word+"\n")
}

// plain replaces digits and marks that usually stand for letters by those letters. one is the letter for the digit 1: i or l.
func plain(word, one string) string {
	return strings.NewReplacer("0", "o", "1", one, "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").Replace(word)
}

// period returns the shortest piece that the word repeats; the last repetition may be incomplete. It returns the word itself if there is none.
func period(word string) string {
	for n := 1; n <= len(word)/2; n++ {
		if strings.HasPrefix(word[n:], word[:len(word)-n]) {
			return word[:n]
		}
	}
	return word
}

// isRun reports whether each character follows the one before, on the keyboard's rows or in the alphabet, forwards or backwards.
func isRun(word string) bool {
	return word != "" && (strings.Contains(runs, word) || strings.Contains(runs, reverse(word)))
}

const runs = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz " +
	"qwertyuiopasdfghjklzxcvbnmqwertyuiop qwertzuiopasdfghjklyxcvbnm azertyuiopqsdfghjklmwxcvbn " +
	"01234567890123456789 12345678901234567890 1234567890qwertyuiopasdfghjklzxcvbnm"

func reverse(word string) string {
	runes := []rune(word)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}
