"""Installed packages that a program names, and files that it loads by path: what sees the facade, and what does not."""

import collections.abc
import importlib
import importlib.util
import pathlib
import py_compile
import sys
import sysconfig
import textwrap
import zipfile
from collections.abc import Callable, Iterator

import pytest
import tensorflow as plain_tf

import tf1bn.compat.v1 as tf
from tf1bn import errors, run
from tf1bn.compat import packages

Write = Callable[[str, str], pathlib.Path]
USES = "import tensorflow as tf\n"


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A folder of installed packages; what is imported from it is forgotten afterwards."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__spec__", "")):
            del sys.modules[name]


def write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    importlib.invalidate_caches()
    return path


def start(tmp_path: pathlib.Path, text: str, *names: str) -> dict:
    script = write(tmp_path / "program" / "main.py", text)
    return run.run(run.Options(str(script), packages=names))


def test_only_named_packages_see_the_facade_with_all_their_modules(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    for name in ("old", "other", "older"):
        write(site / name / "__init__.py", USES + "from . import a\n")
        write(site / name / "a.py", USES + "from .sub.b import seen\nfrom .sub import b as again\n")
        write(site / name / "sub" / "__init__.py", "")
        write(
            site / name / "sub" / "b.py",
            "def f():\n    import tensorflow.contrib.layers\n    return tensorflow\nseen = 1\n",
        )
    seen = start(tmp_path, "import old, other, older\nfound = old.a.again.f()\n", "old")
    assert seen["old"].tf is tf and seen["old"].a.tf is tf and seen["found"] is tf
    assert seen["other"].tf is plain_tf and seen["other"].a.tf is plain_tf and seen["older"].tf is plain_tf
    assert "old" not in sys.modules and "old.sub.b" not in sys.modules and "other" in sys.modules


def test_packages_find_the_names_that_left_numpy(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(site / "old" / "__init__.py", "import collections, numpy as np\nkinds = np.float, collections.Mapping\n")
    assert start(tmp_path, "import old\n", "old")["old"].kinds == (float, collections.abc.Mapping)
    write(site / "other.py", "import collections\ncollections.Mapping\n")
    with pytest.raises(AttributeError, match="Mapping"):
        start(tmp_path, "import other\n", "old")


def test_of_a_program_in_python_2_only_packages_in_python_2_are_translated(
    tmp_path: pathlib.Path, site: pathlib.Path
) -> None:
    pytest.importorskip("fissix")
    write(
        site / "old" / "__init__.py",
        USES + "from . import new\nhalf = 1 / 2\nprint 'loaded'\nkind = type(map(abs, [1]))\n",
    )
    write(site / "old" / "new.py", USES + "half = 1 / 2\nkind = type(map(abs, [1]))\n")
    script = write(tmp_path / "program" / "main.py", "import old\nprint old\nhalf = 1 / 2\n")
    seen = run.run(run.Options(str(script), packages=("old",), python2=True))
    old = seen["old"]
    assert (seen["half"], old.half, old.kind) == (0, 0, list) and old.tf is tf
    assert (old.new.half, old.new.kind) == (0.5, map) and old.new.tf is tf


def test_python_2_in_a_package_is_refused(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(site / "old" / "__init__.py", "print 'loaded'\n")
    with pytest.raises(errors.ProgramError, match="old/__init__.py: line 1 is Python 2"):
        start(tmp_path, "import old\n", "old")


def test_a_module_inside_a_package_is_served_without_its_parents(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(site / "whole" / "__init__.py", USES)
    write(site / "whole" / "part" / "__init__.py", USES)
    write(site / "whole" / "part" / "in_it.py", USES)
    write(site / "single.py", USES)
    seen = start(tmp_path, "import single, whole, whole.part.in_it\n", "whole.part", "single")
    assert seen["whole"].tf is plain_tf and seen["single"].tf is tf
    assert seen["whole"].part.tf is tf and seen["whole"].part.in_it.tf is tf


def test_namespace_packages_are_served_in_all_their_places(
    tmp_path: pathlib.Path, site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path / "more" / "site-packages"))
    write(site / "spread" / "a.py", USES)
    write(tmp_path / "more" / "site-packages" / "spread" / "b.py", USES)
    seen = start(tmp_path, "from spread import a, b\n", "spread")
    assert seen["a"].tf is tf and seen["b"].tf is tf
    assert "spread" not in sys.modules


def test_packages_of_other_finders_are_served(
    tmp_path: pathlib.Path, site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `pip install --editable` leaves them: sources elsewhere, a finder of their own."""
    source = write(tmp_path / "checkout" / "edited" / "__init__.py", USES + "from . import a\n")
    write(tmp_path / "checkout" / "edited" / "a.py", USES)

    class Editable:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return importlib.util.spec_from_file_location(name, source) if name == "edited" else None

    class WithoutSpecs:
        pass

    monkeypatch.setattr(sys, "meta_path", [WithoutSpecs(), *sys.meta_path, Editable])
    seen = start(tmp_path, "import edited\n", "edited")
    assert seen["edited"].tf is tf and seen["edited"].a.tf is tf


def test_packages_in_a_zip_file_and_without_sources_are_served(
    tmp_path: pathlib.Path, site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "eggs.egg", "w") as archive:
        archive.writestr("zipped/__init__.py", USES + "from zipped import a\n")
        archive.writestr("zipped/a.py", USES)
    monkeypatch.syspath_prepend(str(tmp_path / "eggs.egg"))
    source = write(site / "bare.py", USES)
    py_compile.compile(str(source), cfile=str(site / "bare.pyc"))
    source.unlink()
    seen = start(
        tmp_path, "import zipped, bare, zipimport\nsource = zipped.__loader__.get_source('zipped')\n", "zipped", "bare"
    )
    assert seen["zipped"].tf is tf and seen["zipped"].a.tf is tf and seen["bare"].tf is tf
    assert seen["source"].startswith("import tensorflow")
    assert "zipped" not in sys.modules and "bare" not in sys.modules


def test_compiled_modules_of_a_package_load_as_they_are(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    spec = importlib.util.find_spec("_heapq")
    if spec is None or not str(spec.origin).endswith(".so"):
        pytest.skip("this Python has _heapq built in")
    write(site / "mixed" / "__init__.py", USES + "from . import _heapq\n")
    ending = sysconfig.get_config_var("EXT_SUFFIX")
    (site / "mixed" / f"_heapq{ending}").write_bytes(pathlib.Path(spec.origin).read_bytes())
    (site / f"_lsprof_copy{ending}").write_bytes(b"")
    importlib.invalidate_caches()
    for _ in range(2):
        seen = start(tmp_path, "import mixed\n", "mixed")
        assert seen["mixed"].tf is tf and seen["mixed"]._heapq.heappop([3]) == 3
    assert "mixed" not in sys.modules
    with pytest.raises(errors.ProgramError, match="_lsprof_copy cannot be served: it is one compiled module"):
        start(tmp_path, "", "_lsprof_copy")


def test_lazy_modules_of_a_package_are_served(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(
        site / "lazy" / "__init__.py",
        """
        import importlib
        import importlib.util
        import sys

        def __getattr__(name):
            if name in ("a", "b"):
                return importlib.import_module("." + name, __name__)
            raise AttributeError(name)

        def later(name):
            spec = importlib.util.find_spec(name)
            spec.loader = importlib.util.LazyLoader(spec.loader)
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
            return module

        c = later("lazy.c")
        """,
    )
    for name in "abc":
        write(site / "lazy" / f"{name}.py", USES)
    seen = start(tmp_path, "import lazy\na = lazy.a.tf\nfrom lazy import b\nb = b.tf\nc = lazy.c.tf\n", "lazy")
    assert seen["a"] is tf and seen["b"] is tf and seen["c"] is tf


def test_a_package_that_another_package_imports_is_served(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(site / "user.py", USES + "import used\n")
    write(site / "used.py", USES)
    seen = start(tmp_path, "import user\n", "used")
    assert seen["user"].tf is plain_tf and seen["user"].used.tf is tf


def test_files_loaded_by_path_are_the_programs_unless_installed(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    paths = (tmp_path / "far" / "mine.py", site / "old" / "inside.py", site / "theirs.py")
    for path in paths:
        write(path, USES)
    write(site / "old" / "__init__.py", "")
    seen = start(
        tmp_path,
        f"""
        import importlib.machinery
        import importlib.util
        from importlib import util
        from importlib.util import module_from_spec, spec_from_file_location
        from importlib.machinery import SourceFileLoader

        def load(make, path):
            spec = make("x", path)
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.tf

        def by_loader(path):
            return importlib.machinery.SourceFileLoader("by_" + path[-9:-3], path).load_module().tf

        def by_spec_of_loader(path):
            spec = util.spec_from_loader("z", SourceFileLoader("z", path))
            return load(lambda *_: spec, path)

        mine, inside, theirs = {[str(path) for path in paths]!r}
        ways = [lambda path: load(util.spec_from_file_location, path), by_loader, by_spec_of_loader]
        ways.append(lambda path: load(importlib.util.spec_from_file_location, path))
        ways.append(lambda path: load(lambda name, p: spec_from_file_location(name, location=p), path))
        found = [[way(path) for path in (mine, inside, theirs)] for way in ways]
        none = spec_from_file_location("n", "n.unknown")
        """,
        "old",
    )
    assert seen["none"] is None
    for row in seen["found"]:
        assert row == [tf, tf, plain_tf]


def test_runpy_runs_files_and_modules_of_the_program_with_the_facade(
    tmp_path: pathlib.Path, site: pathlib.Path
) -> None:
    write(
        tmp_path / "far" / "script.py",
        USES + "import sys\nargv = sys.argv[0]\nme = sys.modules[__name__]\nout = given + 1\n",
    )
    write(tmp_path / "far" / "folder" / "__main__.py", USES)
    write(tmp_path / "program" / "mod.py", USES)
    write(tmp_path / "program" / "pack" / "__main__.py", USES)
    write(tmp_path / "program" / "pack" / "__init__.py", "")
    write(site / "theirs.py", USES)
    seen = start(
        tmp_path,
        f"""
        import runpy, sys
        from runpy import run_path
        far = {str(tmp_path / "far")!r}
        script = run_path(far + "/script.py", {{"given": 1}}, run_name="here.it")
        folder = runpy.run_path(far + "/folder")
        mod = runpy.run_module("mod", run_name="__main__", alter_sys=True)
        pack = runpy.run_module("pack")
        theirs = runpy.run_module("theirs")
        theirs_by_path = runpy.run_path({str(site / "theirs.py")!r})
        left = sys.argv[0], "here.it" in sys.modules
        """,
    )
    script = seen["script"]
    assert script["tf"] is tf and script["out"] == 2 and script["argv"] == script["__file__"]
    assert (script["__name__"], script["__package__"]) == ("here.it", "here") and vars(script["me"])["out"] == 2
    assert seen["left"] == (str(tmp_path / "program" / "main.py"), False)
    assert all(seen[name]["tf"] is tf for name in ("folder", "mod", "pack"))
    assert seen["mod"]["__name__"] == "__main__"
    assert seen["theirs"]["tf"] is plain_tf and seen["theirs_by_path"]["tf"] is plain_tf


def test_python_2_in_a_file_that_is_run_by_path_is_refused(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "far" / "two.py", "print 'x'\n")
    with pytest.raises(errors.ProgramError, match="two.py: line 1 is Python 2"):
        start(tmp_path, f"import runpy\nrunpy.run_path({str(tmp_path / 'far' / 'two.py')!r})\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("olld", "not installed. Got 'olld'; expected the name that an import statement has. Did you mean 'old'"),
        ("old.nothing", "not installed. Got 'old.nothing'"),
        ("old.a.b", "not installed. Got 'old.a.b'"),
        ("Old-Time", "The distribution Old-Time has: old, old_tools."),
        ("tensorflow", "tensorflow cannot be served: it is what the facade itself"),
        ("tf_slim.nets", "tf_slim.nets cannot be served"),
        ("json", "json cannot be served: it is Python's own"),
        ("numpy", "numpy cannot be served: it is loaded before the program starts"),
    ],
)
def test_names_that_cannot_be_served_are_refused(
    tmp_path: pathlib.Path, site: pathlib.Path, name: str, text: str
) -> None:
    write(site / "old" / "__init__.py", "")
    write(site / "old" / "a.py", "")
    write(site / "old_time-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: old-time\nVersion: 1.0\n")
    write(site / "old_time-1.0.dist-info" / "top_level.txt", "old\nold_tools\n")
    with pytest.raises(errors.ProgramError) as caught:
        start(tmp_path, "ran = True\n", name)
    assert text in str(caught.value) and str(caught.value).startswith("tf1bn.run: --tf1bn_package")
    assert "old" not in sys.modules


def test_a_package_in_use_is_refused(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    write(site / "in_use.py", USES)
    importlib.import_module("in_use")
    with pytest.raises(errors.ProgramError, match="in_use cannot be served: it is loaded before"):
        start(tmp_path, "", "in_use")


def test_the_report_counts_the_modules_of_packages_and_what_they_used(
    tmp_path: pathlib.Path, site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(site / "old" / "__init__.py", USES + "from . import a\nf = tf.contrib.layers.flatten\n")
    write(site / "old" / "a.py", "")
    script = write(tmp_path / "program" / "main.py", "import old\n")
    run.run(run.Options(str(script), report=True, packages=("old",)))
    told = capsys.readouterr().err
    assert "  package old: 2 modules\n" in told and "tf.contrib.layers.flatten x1" in told


def test_names_may_stand_in_a_file(tmp_path: pathlib.Path) -> None:
    listed = write(tmp_path / "names.txt", "# those of the paper\ntflearn\n\n  edward  # 1.3.5\n")
    options = run.parse([f"--tf1bn_package=@{listed}", "--tf1bn_package", "sonnet", "s.py"])
    assert options.packages == ("tflearn", "edward", "sonnet")
    assert packages.Packages(("a", "b", "a")).names == ("a", "b")
    write(listed, "# none\n")
    with pytest.raises(
        errors.ArgumentError, match=r"tf1bn.run: --tf1bn_package=@.*names no package.*one name on a line"
    ):
        run.parse([f"--tf1bn_package=@{listed}", "s.py"])
    with pytest.raises(errors.ArgumentError, match=r"--tf1bn_package=@absent.txt cannot be read.*absent.txt"):
        run.parse(["--tf1bn_package=@absent.txt", "s.py"])
