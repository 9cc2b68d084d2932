"""Prints the completion file of a shell, for commands and their flags.

  tf1bn completion bash > ~/.local/share/bash-completion/completions/tf1bn
  tf1bn completion zsh > ~/.zfunc/_tf1bn

With zsh the folder must be on fpath before compinit runs: fpath+=~/.zfunc. The file knows the flags of this version.

Exit codes: 0 printed, 2 wrong usage.
"""

from __future__ import annotations

import importlib
from typing import Any

from tf1bn import errors
from tf1bn.commands import parsing, table

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout; json: what is completed.")

_OF_RUN = {
    "--tf1bn_update_strategy=": ("inline", "collection", "ema", "frozen"),
    "--tf1bn_report": (),
    "--tf1bn_path=": (),
    "--tf1bn_package=": (),
    "--tf1bn_python2": (),
    "--help": (),
}


_WORDS = {"completion": ("bash", "zsh"), "native": ("build", "info")}
"""What may stand behind a command that takes a word of few."""


def flags_of(row: table.Row) -> dict[str, tuple[str, ...]]:
    """Returns what can be typed behind a command: each flag, with = where a value follows, and its values if few."""
    own = getattr(importlib.import_module(row.module).COMMAND, "flags", None)
    if own is None:
        return _OF_RUN
    found: dict[str, tuple[str, ...]] = {}
    for flag in own.all():
        if flag.boolean:
            found |= {f"--{flag.name}": (), f"--no{flag.name}": ()}
        else:
            found[f"--{flag.name}="] = tuple(getattr(flag.parser, "enum_values", ()))
    return found | {"--help": ()}


def bash(flags: dict[str, dict[str, tuple[str, ...]]]) -> str:
    """Returns the completion file for bash."""
    cases = []
    for name, own in flags.items():
        cases.append(f"    {name}) words='{' '.join(own)}' ;;")
    values = [
        f"    {name}:{flag.rstrip('=')}) words='{' '.join(allowed)}' ;;"
        for name, own in flags.items()
        for flag, allowed in own.items()
        if allowed
    ]
    behind = [f"      {name}) words='{' '.join(words)}' ;;" for name, words in _WORDS.items()]
    return _BASH.format(
        names=" ".join([*flags, "help"]),
        words="\n".join(behind),
        flags="\n".join(cases),
        values="\n".join(values),
    )


def zsh(flags: dict[str, dict[str, tuple[str, ...]]]) -> str:
    """Returns the completion file for zsh."""
    commands = [f"    '{row.name}:{_quoted(row.summary)}'" for row in table.ROWS]
    cases = []
    for name, own in flags.items():
        arguments = " ".join(f"'{_argument(flag, allowed)}'" for flag, allowed in own.items())
        rest = f"1:word:({' '.join(_WORDS[name])})" if name in _WORDS else "*:file:_files"
        cases.append(f"    {name}) _arguments {arguments} '{rest}' ;;")
    return _ZSH.format(commands="\n".join(commands), cases="\n".join(cases))


def _argument(flag: str, allowed: tuple[str, ...]) -> str:
    if not flag.endswith("="):
        return flag
    return f"{flag}:value:({' '.join(allowed)})" if allowed else f"{flag}:value:_files"


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''").replace(":", "\\:")


_SHELLS: dict[str, Any] = {"bash": bash, "zsh": zsh}

_BASH = """# Completion of tf1bn for bash, printed by `tf1bn completion bash`.
_tf1bn() {{
  local line="${{COMP_LINE:0:COMP_POINT}}" word="" words="" flag="" command="${{COMP_WORDS[1]}}"
  [[ $line == *" " ]] || word="${{line##* }}"
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 || ( $COMP_CWORD -eq 2 && $command == help ) ]]; then
    COMPREPLY=($(compgen -W '{names}' -- "$word"))
    return
  fi
  if [[ $word != -* ]]; then
    case "$command" in
{words}
    esac
    if [[ -n $words ]]; then
      COMPREPLY=($(compgen -W "$words" -- "$word"))
      return
    fi
  fi
  if [[ $word == --*=* ]]; then
    flag="${{word%%=*}}"
    case "$command:$flag" in
{values}
    esac
    # Bash breaks words at "=", so what is completed is what stands behind it.
    if [[ -n $words ]]; then
      COMPREPLY=($(compgen -W "$words" -- "${{word#*=}}"))
    else
      COMPREPLY=($(compgen -f -- "${{word#*=}}"))
    fi
    return
  fi
  if [[ $word != -* ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "$command" in
{flags}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [[ ${{#COMPREPLY[@]}} -eq 1 && ${{COMPREPLY[0]}} == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
}}
complete -o filenames -F _tf1bn tf1bn"""

_ZSH = """#compdef tf1bn
# Completion of tf1bn for zsh, printed by `tf1bn completion zsh`.
_tf1bn() {{
  local -a commands
  commands=(
{commands}
    'help:print the help of a command'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT -= 1 ))
  case $command in
    help) _describe command commands ;;
{cases}
  esac
}}
# As an autoloaded function the file is read in the middle of a completion; else somebody sources it.
if [[ $funcstack[1] == _tf1bn ]]; then
  _tf1bn "$@"
else
  compdef _tf1bn tf1bn
fi"""


def _work(words: list[str]) -> parsing.Report:
    shell = words[0]
    if shell not in _SHELLS:
        hint = errors.did_you_mean(shell, _SHELLS)
        raise parsing.UsageError(f"{shell!r} has no completion file; bash and zsh have. {hint}".strip())
    flags = {row.name: flags_of(row) for row in table.ROWS}
    return parsing.Report(_SHELLS[shell](flags), {name: list(own) for name, own in flags.items()})


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT, words="the shell, bash or zsh", exactly=1)
