"""The command ``tf1bn NAME``: a row of a table, a file for each command, and what they share.

In comes a command line; out go a report on stdout, notes on stderr, and an exit code of :mod:`tf1bn.exits`. A command
is flags, one call of the library, and printing; what it does is in the package that it calls. Nothing imports this
package but ``tf1bn/__main__.py`` and the starters in ``scripts/``. Without TensorFlow: everything up to that one call.

To read, in this order: :mod:`table` (the commands), :mod:`main` (from the command line to one of them),
:mod:`parsing` (what they share), then any command, such as :mod:`merge`; :mod:`completion` (for shells);
:mod:`doctor`, whose facts are in :mod:`tf1bn.machine`. A new command is a file with a docstring and ``COMMAND``, and
a row.
"""
