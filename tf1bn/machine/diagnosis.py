"""From facts to lines: what is there, what is wrong, and how to mend it."""

from __future__ import annotations

import signal

from tf1bn.machine import known, probe
from tf1bn.machine.distributions import EXTRAS, NEEDED, number
from tf1bn.machine.facts import Facts
from tf1bn.machine.line import FATAL, NOTE, PROBLEM, Line
from tf1bn.native.names import BUILD_COMMAND

PYTHON = (3, 10)
_X86 = ("x86_64", "AMD64", "i686")
_TRUE = ("1", "true", "True")
_INSTALL = "pip install 'tensorflow>=2.15'"


def diagnose(facts: Facts) -> list[Line]:
    """Returns the lines of a machine, in the order in which they are printed."""
    return [
        *_python(facts),
        *_needed(facts),
        *_tensorflow(facts),
        *_processor(facts),
        *_onednn(facts),
        *_gpus(facts),
        *_native(facts),
        *_keras(facts),
        *_extras(facts),
        *known.lines(_with_provider(facts)),
    ]


def works(lines: list[Line]) -> bool:
    """Whether tf1bn can work here."""
    return all(line.level != FATAL for line in lines)


def _with_provider(facts: Facts) -> dict[str, str]:
    """Returns the installed versions; that of TensorFlow is the one of whichever distribution provides it."""
    version = _version(facts)
    return {**facts.versions, **({"tensorflow": version} if version else {})}


def _version(facts: Facts) -> str:
    """Returns the version of TensorFlow: what it says itself, else what a provider's metadata say."""
    if facts.answer is not None and facts.answer.facts:
        return str(facts.answer.facts["version"])
    return next((facts.versions[name] for name in facts.providers if name in facts.versions), "")


def _python(facts: Facts) -> list[Line]:
    text = f"{facts.python}, {facts.executable}, {facts.system}"
    if number(facts.python) < PYTHON:
        return [Line("python", text, FATAL, "Make an environment with Python 3.10 to 3.13.")]
    return [Line("python", text)]


def _needed(facts: Facts) -> list[Line]:
    """Returns the lines of the packages that tf1bn requires besides TensorFlow."""
    found = []
    for name, oldest in NEEDED.items():
        version = facts.versions.get(name, "")
        if name == "tensorflow":
            continue
        if not version or number(version) < number(oldest):
            text = f"{version or 'not installed'}; tf1bn needs {oldest} or newer"
            found.append(Line(name, text, FATAL, f"pip install '{name}>={oldest}'"))
        else:
            found.append(Line(name, version))
    return found


def _tensorflow(facts: Facts) -> list[Line]:
    if not facts.providers or facts.answer is None:
        return [Line("tensorflow", "not installed", FATAL, _INSTALL)]
    version, answer = _version(facts), facts.answer
    offered = ", ".join(f"{name} {facts.versions.get(name, '?')}" for name in facts.providers)
    text = f"{version}, of the distribution {offered}"
    if number(version) < number(NEEDED["tensorflow"]):
        return [Line("tensorflow", text, FATAL, _INSTALL)]
    if answer.exit_code:
        return [Line("tensorflow", f"{text}; {_end(answer)}", FATAL, _mend_import(facts, answer))]
    if answer.facts["step"]:
        wrong = f"{text}; a batch norm trained for one step is wrong: {answer.facts['step']}"
        return [Line("tensorflow", wrong, FATAL, "Install another release of TensorFlow, and report this.")]
    lines = [Line("tensorflow", f"{text}; a batch norm trained for one step is right")]
    return [*lines, *_names(answer.facts["lacking"]), *_providers(facts, version)]


def _names(lacking: list[str]) -> list[Line]:
    """Returns a line for the names of tf.compat.v1 that tf1bn uses and this TensorFlow lacks."""
    if not lacking:
        return []
    text = f"it lacks {', '.join(lacking[:5])}{' and others' if len(lacking) > 5 else ''}, which tf1bn uses"
    return [Line("tensorflow", text, PROBLEM, "Install a newer tf1bn, or an older TensorFlow.")]


def _providers(facts: Facts, version: str) -> list[Line]:
    """Returns what is wrong with where TensorFlow came from."""
    if len(facts.providers) > 1:
        names = " ".join(facts.providers)
        mend = f"pip uninstall {names}, then install one of them."
        return [Line("tensorflow", "several distributions wrote into one folder", PROBLEM, mend)]
    (name,) = facts.providers
    if number(facts.versions.get(name, version))[:2] != number(version)[:2]:
        text = f"the metadata of {name} say {facts.versions[name]}, and TensorFlow says {version}"
        return [Line("tensorflow", text, PROBLEM, f"pip install --force-reinstall {name}")]
    if name not in facts.required:
        text = f"pip does not count {name} as the tensorflow that tf1bn requires"
        mend = f"Install tf1bn from source with TF1BN_TENSORFLOW={name}, or a wheel with pip install --no-deps."
        return [Line("tensorflow", text, NOTE, mend)]
    return []


def _end(answer: probe.Answer) -> str:
    if answer.exit_code < 0:
        return f"the process that imports it is ended by {signal.Signals(-answer.exit_code).name}"
    return f"it cannot be used: {answer.complaint}"


def _mend_import(facts: Facts, answer: probe.Answer) -> str:
    if answer.exit_code == -signal.SIGILL:
        return "This build needs instructions that the processor lacks: build TensorFlow here, or use another machine."
    troubles = [line.mend for line in known.lines(_with_provider(facts)) if line.level == PROBLEM]
    return troubles[0] if troubles else f"pip install --force-reinstall {' '.join(facts.providers)}"


def _processor(facts: Facts) -> list[Line]:
    found = facts.processor
    if not found.flags:
        return [
            Line("processor", f"{found.name}, {found.machine}; its instructions are not known on this system", NOTE)
        ]
    lines = [Line("processor", f"{found.name}, {found.machine}: {found.level or 'no vectors that count'}")]
    if found.machine in _X86 and "avx" not in found.flags:
        mend = "Build TensorFlow on this machine, or use another one."
        lines.append(Line("processor", "wheels of TensorFlow need AVX", PROBLEM, mend))
    return lines


def _onednn(facts: Facts) -> list[Line]:
    if facts.answer is None or not facts.answer.facts:
        return []
    on, asked = facts.answer.facts["onednn"], facts.variables.get("TF_ENABLE_ONEDNN_OPTS", "")
    state = {True: "on", False: "off", None: "TensorFlow does not say"}[on]
    text = f"{state}; TF_ENABLE_ONEDNN_OPTS is {asked or 'not set'}"
    if on is False and asked in _TRUE:
        mend = "Unset TF_ENABLE_ONEDNN_OPTS: this build or this processor has none."
        return [Line("onednn", text, PROBLEM, mend)]
    return [Line("onednn", text)]


def _gpus(facts: Facts) -> list[Line]:
    if facts.answer is None or not facts.answer.facts:
        return []
    gpus, hidden = facts.answer.facts["gpus"], facts.variables.get("CUDA_VISIBLE_DEVICES")
    if gpus:
        return [Line("gpu", ", ".join(gpus))]
    if hidden is not None and hidden in ("", "-1"):
        return [Line("gpu", f"none: CUDA_VISIBLE_DEVICES is {hidden!r}, which hides all")]
    if facts.nvidia:
        built = facts.answer.facts["built_with_cuda"]
        mend = "pip install 'tensorflow[and-cuda]'" if built else "Install a TensorFlow that is built with CUDA."
        return [Line("gpu", "the driver of NVIDIA is loaded, and TensorFlow sees no processor", PROBLEM, mend)]
    return [Line("gpu", "none; everything runs on the processor")]


def _native(facts: Facts) -> list[Line]:
    if facts.native_trouble:
        return [Line("native", facts.native_trouble, PROBLEM, f"{BUILD_COMMAND} --force")]
    if not facts.native:
        compiler = (
            f"; {facts.compiler} can build it" if facts.compiler else "; it needs GCC, Clang or the package ziglang"
        )
        return [Line("native", f"not built, which is fine{compiler}", NOTE, f"For speed: {BUILD_COMMAND}")]
    said = facts.answer.facts.get("native", {}) if facts.answer is not None else {}
    if "error" in said:
        return [Line("native", said["error"], PROBLEM, f"{BUILD_COMMAND} --force")]
    levels = f"; levels: {', '.join(said['levels'])}; threads: {said['threads']}" if said else ""
    return [Line("native", f"built, {facts.native}{levels}")]


def _keras(facts: Facts) -> list[Line]:
    keras, old = facts.versions.get("keras", ""), facts.versions.get("tf-keras", "")
    asked = facts.variables.get("TF_USE_LEGACY_KERAS", "")
    have = [f"{name} {version}" for name, version in (("Keras", keras), ("tf_keras", old)) if version]
    text = f"{', '.join(have) or 'none'}; TF_USE_LEGACY_KERAS is {asked or 'not set'}; tf1bn needs neither"
    version = ".".join(map(str, number(_version(facts))[:2]))
    install = f"pip install 'tf_keras=={version}.*'"
    if asked in _TRUE and not old:
        mend = f"{install}, or unset TF_USE_LEGACY_KERAS."
        return [Line("keras", f"{text}; tf.keras fails, because tf_keras is not installed", PROBLEM, mend)]
    if old and version and number(old)[:2] != number(version):
        return [Line("keras", f"{text}; tf_keras belongs to another TensorFlow than {version}", PROBLEM, install)]
    return [Line("keras", text)]


def _extras(facts: Facts) -> list[Line]:
    """Returns a line for each package of an extra, whether it is there or not."""
    found = []
    for extra, packages in EXTRAS.items():
        for name, oldest in packages.items():
            version = facts.versions.get(name, "")
            mend = f"pip install 'tf1bn[{extra}]'"
            if not version:
                found.append(Line(f"[{extra}]", f"{name} is not installed", NOTE, mend))
            elif number(version) < number(oldest):
                text = f"{name} {version} is older than {oldest}"
                found.append(Line(f"[{extra}]", text, PROBLEM, mend))
            else:
                found.append(Line(f"[{extra}]", f"{name} {version}"))
    return found
