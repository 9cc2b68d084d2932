"""Every kind of switch in every spelling of batch norm, in all four graph modes: the logits are those of NumPy."""

import numpy as np
import pytest

from tests.export import programs
from tf1bn import export

X = programs.rows()


def exported(norm, training, tmp_path, **arguments):
    """Exports a saved training program, frozen; returns what was done, the path and the expected logits."""
    programs.train(programs.forward(norm, training))
    prefix = programs.save(tmp_path)
    done = export.export(f"{prefix}.meta", prefix, ["logits"], tmp_path / "frozen.pb", to="frozen", **arguments)
    return done, programs.expected(prefix, X)


CASES = [("placeholder", norm) for norm in programs.SWITCHED]
CASES += [("default", "in_branches"), ("variable", "inline"), ("negated", "in_branches"), ("constant", "selected")]


@pytest.mark.parametrize(("switch", "norm"), CASES, ids=map("-".join, CASES))
def test_a_switch_is_found_and_turned_off(mode, norm, switch, tmp_path, run_frozen):
    done, logits = exported(programs.SWITCHED[norm], programs.SWITCHES[switch](), tmp_path)
    name, value = ("is_test", True) if switch == "negated" else ("is_training", False)
    assert done.graph.switches == {name: value} and done.graph.rewritten == ()
    assert list(done.graph.inputs) == ["x"] and done.graph.sites == 1
    np.testing.assert_allclose(run_frozen(done.path, "logits:0", {"x:0": X}), logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", programs.ALWAYS)
def test_a_batch_norm_that_always_uses_the_batch_is_made_to_read_its_averages(mode, norm, tmp_path, run_frozen):
    done, logits = exported(programs.ALWAYS[norm], True, tmp_path)
    assert done.graph.rewritten == ("bn",) and done.graph.switches == {}
    assert "batch norms give (x - mean) / sqrt(variance + epsilon)" in done.checks[0]
    np.testing.assert_allclose(run_frozen(done.path, "logits:0", {"x:0": X}), logits, rtol=1e-5, atol=1e-5)
