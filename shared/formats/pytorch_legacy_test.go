package formats_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// beforeZip returns what PyTorch 1.5 writes, with a pickle of the object and what follows the storages' keys.
func beforeZip(object, storages string) string {
	return "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00." + object + "\x80\x02]q\x00U\x010a." + storages
}

func TestAFileOfPyTorchBeforeZipIsRead(t *testing.T) {
	t.Parallel()
	storage := "\x06\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 24)
	m, err := recogniseAs("model.pth", []byte(beforeZip(stateDict, storage)))
	if err != nil || m.Format != formats.PyTorch || m.Parameters != 6 || len(m.Tensors) != 1 || len(m.Findings) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if got := details(t, "model.pth", beforeZip(unsafePickle, ""), formats.PyTorch); len(got) != 1 || got[0] != "imports os.system" {
		t.Errorf("found %q", got)
	}
	hidden := beforeZip(stateDict, unsafePickle+strings.Repeat("x", 32-len(unsafePickle)))
	if got := details(t, "model.pth", hidden, formats.PyTorch); len(got) != 1 || got[0] != "has a pickle where its storages have to be" {
		t.Errorf("found %q", got)
	}
	for name, file := range map[string]string{
		"a storage cut":      beforeZip(stateDict, storage[1:]),
		"something behind":   beforeZip(stateDict, storage+unsafePickle),
		"another version":    strings.Replace(beforeZip(stateDict, storage), "M\xe9\x03", "M\xe8\x03", 1),
		"code for a version": strings.Replace(beforeZip(stateDict, storage), "M\xe9\x03", "cos\nsystem\n", 1),
		"a pickle less":      beforeZip("", ""),
		"an endless storage": beforeZip(strings.Replace(stateDict, "K\x06t", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ft", 1), storage),
	} {
		_, err := recogniseAs("model.pth", []byte(file))
		if _, refused := errors.AsType[*formats.Refusal](err); !refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
