"""Every block of code in README, CONTRIBUTING and docs/: Python runs, commands exist, the rest is marked."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from tests.docs import pages
from tf1bn import errors
from tf1bn.commands import completion, table

TEXTS = {path: path.read_text(encoding="utf-8") for path in pages.FILES}
MAKEFILE = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
BENCHES = re.findall(r"^BENCHES := (.*)$", MAKEFILE, re.MULTILINE)[0].split()
TARGETS = {*re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE), *BENCHES}
# Programs that a line of shell may start, beside tf1bn.
STARTED = {"make", "pip", "mkdir", "export", "python"}
FLAGS = {row.name: completion.flags_of(row) for row in table.ROWS}

# All programs of a page in one process, each in a graph of its own; those that do not import tf1bn are old ones.
DRIVER = """
import runpy, sys
import tensorflow.compat.v1 as tf
from tf1bn import run

for path in sys.argv[1:]:
    tf.reset_default_graph()
    if "tf1bn" in open(path, encoding="utf-8").read():
        runpy.run_path(path, run_name="__main__")
    elif code := run.main([path]):
        sys.exit(code)
"""


def named(wanted):
    """Pages with a block that ``wanted`` says, as parameters that are called by their names."""
    chosen = [path for path, text in TEXTS.items() if any(map(wanted, pages.blocks(text)))]
    return pytest.mark.parametrize("page", chosen, ids=lambda page: page.name)


@named(lambda block: block.language == "python" and not block.title)
def test_the_python_of_a_page_runs(page, tmp_path, warmed):
    script = tmp_path / f"{page.stem}.py"
    script.write_text(pages.program(TEXTS[page]), encoding="utf-8")
    ends_well(warmed.run([script], tmp_path, without="TF1BN_MNIST"))


@named(lambda block: block.title)
def test_the_programs_of_a_page_run(page, tmp_path, warmed):
    files = []
    for block in pages.blocks(TEXTS[page]):
        if block.title:
            assert block.language == "python" and block.title.endswith(".py")
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
            files.append(block.title)
    assert len(set(files)) == len(files)
    ends_well(warmed.run(["-c", DRIVER, *files], tmp_path, without="TF1BN_MNIST"))


def ends_well(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page):
    unknown = [(block.line, block.language) for block in pages.blocks(TEXTS[page])]
    unknown = [(line, language) for line, language in unknown if language not in pages.LANGUAGES]
    assert not unknown, f"lines and languages: {unknown}"


@named(lambda block: block.language in ("py", "json"))
def test_what_is_not_run_is_well_formed(page):
    for block in pages.blocks(TEXTS[page]):
        if block.language == "py":
            compile(block.text, page.name, "exec")
        elif block.language == "json":
            json.loads(block.text)


@named(lambda block: block.language == "sh")
def test_commands_and_flags_of_a_page_exist(page):
    complaints = []
    for block in pages.blocks(TEXTS[page]):
        if block.language == "sh":
            complaints += [f"line {block.line}: {wrong}" for line in joined(block.text) for wrong in faults(line)]
    assert not complaints, "\n".join(complaints)


def joined(text: str) -> list[str]:
    """Lines of shell, continued ones as one."""
    return [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip() and not line.startswith("#")]


def faults(line: str) -> list[str]:
    """What is wrong with a line of shell: a command that is not there, or a flag that it has not."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_0-9]+=", words[0]):
        words = words[1:]
    if not words:
        return []
    program, *rest = words
    if program == "make":
        return [f"make has no target {word}" for word in rest if "=" not in word and word not in TARGETS]
    if program == "python" and rest[:2] == ["-m", "tf1bn"]:
        program, rest = "tf1bn", rest[2:]
    if program != "tf1bn":
        return [] if program in STARTED or program.startswith(".venv") else [f"{program} is nothing that a reader has"]
    return of_tf1bn(rest)


def of_tf1bn(words: list[str]) -> list[str]:
    if not words or words[0].startswith("--"):
        return [] if words in (["--help"], ["--version"]) else [f"tf1bn {' '.join(words)}"]
    try:
        flags = FLAGS[table.find(words[0]).name]
    except errors.UnknownNameError as error:
        return [str(error)]
    own = words[1 : words.index("--")] if "--" in words else words[1:]
    if words[0] == "run":  # flags behind the program are its own
        own = own[: next((n for n, word in enumerate(own) if not word.startswith("--")), len(own))]
    wrong = [word for word in own if word.startswith("--") and not known(word, flags)]
    behind = of_tf1bn(words[words.index("--") + 2 :]) if "--" in words and "tf1bn" in words else []
    return [f"tf1bn {words[0]} has no {word}" for word in wrong] + behind


def known(word: str, flags: dict[str, tuple[str, ...]]) -> bool:
    name, equals, value = word.partition("=")
    allowed = flags.get(f"{name}=") if equals else flags.get(name)
    return allowed is not None and (not allowed or value in allowed)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("tf1bn adit --graph=x", "no command 'adit'"),
        ("tf1bn audit --grap=x", "tf1bn audit has no --grap=x"),
        ("tf1bn export --to=onyx", "has no --to=onyx"),
        ("TF_X=1 tf1bn run --report x.py --own", "tf1bn run has no --report"),
        ("tf1bn launch --workers=2 -- tf1bn train --nonsense", "tf1bn train has no --nonsense"),
        ("make tea", "make has no target tea"),
        ("conda install x", "conda is nothing"),
    ],
)
def test_a_wrong_line_of_shell_is_complained_about(line, word):
    (found,) = faults(line)
    assert word in found


def test_right_lines_of_shell_are_not():
    for line in (
        "tf1bn audit --graph=x.meta --format=json  # words",
        "make test PYTEST_ARGS=-x",
        "tf1bn run --tf1bn_report p.py --steps=1",
        "tf1bn launch --workers=2 --ps=1 -- tf1bn train --distribution=ps",
    ):
        assert faults(line) == []


def test_blocks_stand_at_the_lines_of_their_page():
    text = '# Page\n\n```python\nx = 1\n```\n\n```python title="old.py"\nz\n```\n'
    text += "```text\nq\n```\n\n```python\ny = x\n```\n"
    assert pages.program(text).splitlines() == [*[""] * 3, "x = 1", *[""] * 10, "y = x"]
    assert [block.title for block in pages.blocks(text)] == ["", "old.py", "", ""]
