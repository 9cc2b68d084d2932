"""Runs the old programs one after the other in this process and writes what each printed.

    python drive.py runner|import_line|STRATEGY FOLDER NAME...

``runner`` goes through ``tf1bn.run``, and so does the name of an update strategy, with that strategy for all batch
norms; ``import_line`` writes a copy in which only the import lines differ.
"""

import contextlib
import io
import json
import pathlib
import re
import runpy
import sys
import time
import traceback

PROGRAMS = pathlib.Path(__file__).parent / "programs"
FLAGS = {
    "slim_scopes": "--slim_dir",
    "two_files": "--two_dir",
    "before_one": "--log_dir",
    "tpu_digits": "--tpu_dir",
    "slim_learning": "--learn_dir",
}
PYTHON2 = ("python2_digits",)
IMPORT_LINE = re.compile(r"^(\s*)(import|from) tensorflow\b", re.MULTILINE)


def arguments(name: str, folder: pathlib.Path) -> list[str]:
    """The program's own command line: where to write."""
    return [f"{FLAGS[name]}={folder}"] if name in FLAGS else [str(folder)]


def through_runner(name: str, folder: pathlib.Path, strategy: str | None = None) -> None:
    from tf1bn import run

    path, argv = str(script(PROGRAMS, name)), tuple(arguments(name, folder))
    run.run(run.Options(path, argv, strategy, python2=name in PYTHON2))


def through_import_line(name: str, folder: pathlib.Path) -> None:
    original = script(PROGRAMS, name)
    for source in [original] if original.parent == PROGRAMS else sorted(original.parent.rglob("*.py")):
        copy = folder / "copy" / source.relative_to(PROGRAMS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = IMPORT_LINE.sub(r"\1\2 tf1bn.compat.v1", source.read_text())
        copy.write_text(text.replace('import_module("tensorflow")', 'import_module("tf1bn.compat.v1")'))
    copy = script(folder / "copy", name)
    before = sys.argv, sys.path
    sys.argv, sys.path = [str(copy), *arguments(name, folder)], [str(copy.parent), *sys.path]
    try:
        runpy.run_path(str(copy), run_name="__main__")
    finally:
        sys.argv, sys.path = before


def script(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / name / "train.py" if (PROGRAMS / name).is_dir() else folder / f"{name}.py"


def reset_default_graph() -> None:
    import tensorflow.compat.v1 as tf

    tf.reset_default_graph()


def seed_what_programs_leave_unseeded() -> None:
    """Makes the programs repeatable from outside: data order and initial weights."""
    import numpy as np
    import tensorflow.compat.v1 as tf

    unseeded, plain = np.random.RandomState, tf.Graph.__init__
    np.random.RandomState = lambda seed=None: unseeded(0 if seed is None else seed)

    def seeded(graph: tf.Graph) -> None:
        plain(graph)
        graph.seed = 1

    tf.Graph.__init__ = seeded


def main() -> None:
    way, folder, *names = sys.argv[1:]
    ways = {"runner": through_runner, "import_line": through_import_line}
    drive = ways.get(way, lambda name, folder: through_runner(name, folder, way))
    results = {}
    seed_what_programs_leave_unseeded()
    for name in names:
        place = pathlib.Path(folder) / name
        place.mkdir(parents=True)
        printed, begin, failure, code = io.StringIO(), time.perf_counter(), "", None
        reset_default_graph()
        try:
            with contextlib.redirect_stdout(printed):
                drive(name, place)
        except SystemExit as error:
            code = error.code
        except Exception:
            failure = traceback.format_exc()
        seconds = time.perf_counter() - begin
        results[name] = {"printed": printed.getvalue(), "failure": failure, "code": code, "seconds": round(seconds, 1)}
    (pathlib.Path(folder) / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
