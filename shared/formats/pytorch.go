package formats

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pyTorch is what torch.save writes since version 1.6: an archive with the pickle data.pkl in a folder (torch/serialization.py).
var pyTorch = zipFormat{
	known:  about{format: PyTorch, name: "a PyTorch file", endings: []string{".pt", ".pth"}, code: true, pickled: true},
	folder: true,
	is: func(names zipNames) bool {
		return names.has("data.pkl") && !names.has("constants.pkl")
	},
}

// torchScript is what torch.jit.save writes: PyTorch takes an archive with constants.pkl for one (torch/serialization.py, _is_torchscript_zip).
var torchScript = zipFormat{
	known:  about{format: TorchScript, name: "a TorchScript file", endings: []string{".pt", ".pth"}, code: true},
	folder: true,
	is:     func(names zipNames) bool { return names.has("constants.pkl") },
	read:   readTorchScript,
}

// pt2Known is what is known of PT2 archives.
var pt2Known = about{format: PT2, name: "a PT2 archive", endings: []string{".pt2"}, code: true}

// pt2 is what torch.export.save writes (torch/export/pt2_archive).
var pt2 = zipFormat{
	known:  pt2Known,
	folder: true,
	is:     func(names zipNames) bool { return isPT2(names) && !names.has("constants.pkl") && !pt2Flat.is(names) },
}

// pt2Flat is what torch.export.save of PyTorch 2.1 to 2.6 writes, without a folder (torch/export/__init__.py).
var pt2Flat = zipFormat{
	known: pt2Known,
	is: func(names zipNames) bool {
		return names["serialized_exported_program.json"] && !names.has("constants.pkl")
	},
}

// isPT2 knows archives of torch.export by their names.
func isPT2(names zipNames) bool {
	return names["serialized_exported_program.json"] || names.has("serialized_exported_program.json") || names.has("archive_format") ||
		names["archive_format"]
}

// readTorchScript looks for what TorchScript's code must not do: read and write files, and call operators that a program has to bring.
func readTorchScript(a *zipArchive) error {
	code := 0
	for i := range a.entries {
		e := &a.entries[i]
		if !e.has(".py") {
			continue
		}
		code++
		if err := a.scriptedFile(e); err != nil {
			return err
		}
	}
	a.model.Findings = append(a.model.Findings, Finding{Code: "torchscript", Detail: fmt.Sprintf("has TorchScript code, in %d files", code)})
	return nil
}

// isTorchScriptImport reports whether an import is of a class that the archive's code has, or of what TorchScript's own unpickler makes
// (torch/csrc/jit/serialization/unpickler.cpp). It imports nothing of Python.
func isTorchScriptImport(module, name string) bool {
	builders := []string{"build_intlist", "build_tensorlist", "build_doublelist", "build_boollist", "build_tensor_from_id", "restore_type_tag"}
	return module == "__torch__" || strings.HasPrefix(module, "__torch__.") || module == "torch.jit._pickle" && slices.Contains(builders, name)
}

// torchScriptUnsafe are the operators that read or write files (aten/src/ATen/native/native_functions.yaml, from_file;
// torch/csrc/jit/runtime/register_prim_ops_fulljit.cpp, aten::save).
var torchScriptUnsafe = []string{"from_file", "torch.save", "aten.save"}

// scriptedFile looks through the lines of a file of code.
func (a *zipArchive) scriptedFile(e *zipEntry) error {
	if err := a.inflates(e); err != nil {
		return err
	}
	content := a.content(e)
	lines := bufio.NewScanner(content)
	lines.Buffer(make([]byte, windowSize), maxText)
	at := int64(0)
	for lines.Scan() {
		for _, word := range torchScriptUnsafe {
			if i := strings.Index(lines.Text(), word); i >= 0 {
				a.model.Findings = appendFinding(a.model.Findings, Finding{"torchscript", shorten(e.name) + " calls " + word, true, at + int64(i)})
			}
		}
		at += int64(len(lines.Bytes())) + 1
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return tooComplex("has the file %s with a line of more than %d bytes", shorten(e.name), maxText)
	}
	if lines.Err() != nil {
		return content.explain(a.file, lines.Err())
	}
	return nil
}

// appendFinding adds a finding, up to the bound of those of one file.
func appendFinding(list []Finding, f Finding) []Finding {
	if len(list) > maxPickleFindings {
		return list
	}
	return append(list, f)
}
