package formats_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// dangerous are imports by which code gets to run, by modules: those that scanners of pickles know, and those of libraries of models.
var dangerous = map[string]string{
	"__builtin__": "eval exec execfile compile open file getattr setattr apply reduce __import__ map",
	"builtins": "eval exec compile open getattr setattr delattr __import__ breakpoint input map filter type vars globals locals help print super " +
		"memoryview classmethod property",
	"os": "system popen execv spawnl remove fork putenv", "posix": "system popen execv fork", "nt": "system popen", "subprocess": "Popen run call check_output",
	"sys": "exit settrace modules", "pty": "spawn", "socket": "socket create_connection", "shutil": "rmtree move", "webbrowser": "open",
	"operator": "attrgetter itemgetter methodcaller call", "_operator": "attrgetter itemgetter methodcaller call",
	"functools": "partial reduce partialmethod", "_functools": "partial reduce", "itertools": "starmap accumulate",
	"importlib": "import_module reload __import__", "runpy": "run_path run_module _run_code", "types": "CodeType FunctionType MethodType",
	"marshal": "loads load", "pickle": "loads load Unpickler", "_pickle": "loads load", "cPickle": "loads", "dill": "loads", "cloudpickle": "loads",
	"cloudpickle.cloudpickle": "_make_function _builtin_type subimport", "dill._dill": "_create_function _import_module", "ctypes": "CDLL",
	"cProfile": "run runctx", "profile": "run", "pdb": "Pdb run", "bdb": "Bdb", "timeit": "timeit", "trace": "Trace", "code": "InteractiveInterpreter",
	"codecs": "encode decode open", "_codecs": "decode", "copyreg": "__newobj__ add_extension", "pip": "main", "asyncio": "run", "doctest": "debug_script",
	"numpy": "load loadtxt genfromtxt fromfile memmap vectorize matrix apply_along_axis frompyfunc fromregex", "numpy.lib.npyio": "load",
	"numpy.core": "_ufunc_reconstruct", "numpy._core": "_ufunc_reconstruct", "numpy.f2py.crackfortran": "_eval_length param_eval",
	"numpy.testing._private.utils": "runstring", "numpy.random._pickle": "eval", "scipy.stats": "rv_continuous",
	"joblib": "load Memory Parallel", "joblib.numpy_pickle": "load NDArrayWrapper ZNDArrayWrapper _unpickle", "joblib.memory": "Memory MemorizedFunc",
	"sklearn.datasets": "load_files fetch_openml", "sklearn.utils": "_joblib", "pandas": "read_pickle eval", "pandas.io.pickle": "read_pickle",
	"torch": "load save compile", "torch.storage": "_load_from_bytes", "torch.jit": "load script", "torch.hub": "load load_state_dict_from_url",
	"torch.serialization": "load", "torch.utils.collect_env": "run", "torch._utils": "_import_dotted_name", "torch.package": "PackageImporter",
	"xgboost": "collective", "keras.models": "load_model", "tensorflow": "load_op_library", "transformers": "AutoModel",
}

func TestNothingThatRunsCodeIsOnTheList(t *testing.T) {
	t.Parallel()
	for module, names := range dangerous {
		for name := range strings.FieldsSeq(names) {
			want := "imports " + module + "." + name
			if got := details(t, "model.pkl", "\x80\x02c"+module+"\n"+name+"\n.", formats.Pickle); len(got) != 1 || got[0] != want {
				t.Errorf("%s.%s: found %q", module, name, got)
			}
		}
	}
}

func TestTheListOfImportsIsSorted(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("pickle_imports.go")
	if err != nil {
		t.Fatal(err)
	}
	modules, at := []string{}, regexp.MustCompile(`(?m)^\t"([\w.]+)":`)
	for _, match := range at.FindAllSubmatch(source, -1) {
		modules = append(modules, string(match[1]))
	}
	if len(modules) < 100 || !slices.IsSorted(modules) {
		t.Errorf("%d modules are not in their order", len(modules))
	}
	text := regexp.MustCompile(`(?m)^\t+(?:"[\w.]+": +)?((?:"[\w ]+" \+\n\t+)*"[\w ]+"),$`)
	for _, match := range text.FindAllSubmatch(source, -1) {
		names := strings.Fields(regexp.MustCompile(`[^\w ]+`).ReplaceAllString(string(match[1]), ""))
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("names are not in their order: %q", names)
		}
	}
}
