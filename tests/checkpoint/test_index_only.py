"""An index without its data files still says what there was; what needs values refuses and names the file."""

import json
import os

import numpy as np
import pytest

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import inspector, source
from tf1bn.checkpoint.layouts import catalog


@pytest.fixture
def index_only(slim_checkpoint):
    os.remove(slim_checkpoint + ".data-00000-of-00001")
    return slim_checkpoint


def test_sites_layout_and_roles_are_told_and_statistics_are_not_read(index_only):
    found = checkpoint.inspect(index_only)
    (report,) = found.sites
    assert (report.site.scope, report.site.layout.name) == ("net/conv/BatchNorm", "slim")
    assert sorted(report.site.tensors) == ["beta", "moving_mean", "moving_variance"]
    assert (report.state.verdict, report.state.channels) == ("not read", 4)
    assert found.problems == () and found.global_step is None
    assert found.others["optimizer slots"] == ("net/conv/BatchNorm/beta/Adam",)
    assert found.missing_files == (index_only + ".data-00000-of-00001",)
    text = inspector.as_text(found)
    assert "statistics not read: their data file is not there; 4 channels" in text
    assert f"note: data file {index_only}.data-00000-of-00001 not there" in text
    assert text.endswith("no problems among the names; statistics of 1 batch norms not read")
    data = json.loads(json.dumps(inspector.as_json(found), allow_nan=False))
    assert data["sites"][0]["state"]["verdict"] == "not read"
    assert data["missing_files"] == list(found.missing_files)


@pytest.mark.parametrize("name", sorted(catalog.LAYOUTS.names()))
def test_every_layout_is_recognised_in_an_index_alone(name, write):
    prefix = write(dict.fromkeys(catalog.LAYOUTS.get(name).sample, np.ones(3, np.float32)))
    whole = checkpoint.inspect(prefix)
    os.remove(prefix + ".data-00000-of-00001")
    alone = checkpoint.inspect(prefix)
    assert [report.site for report in alone.sites] == [report.site for report in whole.sites]
    assert {report.state.verdict for report in alone.sites} == {"not read"}


def test_a_plan_needs_no_values_and_its_migration_refuses_by_name(index_only, tmp_path):
    plan = checkpoint.plan_migration(index_only, "tf1bn")
    assert not plan.troubles
    with pytest.raises(errors.CheckpointMissingError, match=r"migrate: cannot read .*data-00000-of-00001.* not there"):
        checkpoint.migrate(plan, tmp_path / "out")
    assert not (tmp_path / "out.index").exists()


def test_compare_refuses_by_name(index_only, write, slim_arrays):
    with pytest.raises(errors.CheckpointMissingError, match=r"compare: cannot read .*data-00000-of-00001"):
        checkpoint.compare(index_only, write(slim_arrays, "whole"))


def test_one_lost_file_of_two_takes_only_its_own_sites(tmp_path, write):
    """A migrated checkpoint has a second data file with what was converted."""
    ones = np.full(2, 2.0, np.float32)
    tensors = {f"a/bn/{leaf}": ones for leaf in ("gamma", "beta", "moving_mean", "moving_variance")}
    tensors |= {f"b/bn/{leaf}": ones for leaf in ("gamma", "beta", "mu", "sigma")}
    plan = checkpoint.plan_migration(write(tensors), "tf1bn", source_layout="mu_sigma_deviation")
    checkpoint.migrate(plan, tmp_path / "two")
    os.remove(tmp_path / "two.data-00001-of-00002")
    found = checkpoint.inspect(tmp_path / "two")
    assert {report.site.scope: report.state.verdict for report in found.sites} == {
        "a/bn": "updated",
        "b/bn": "not read",
    }


def test_a_layer_too_wide_to_be_one_is_not_read_and_says_why(write):
    wide = np.ones((1 << 20) + 1, np.float32)
    (report,) = checkpoint.inspect(write({"bn/moving_mean": wide, "bn/moving_variance": wide})).sites
    assert (report.state.verdict, report.state.why) == ("not read", "more than 1,048,576 elements are no channels")


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"PK\x03\x04", "zip archive"),
        (b"\x80\x03c__builtin__", "pickle"),
        (b"\x93NUMPY", "NumPy array"),
    ],
)
def test_other_formats_of_weights_are_called_by_their_name(tmp_path, head, what):
    (tmp_path / "weights").write_bytes(head + bytes(64))
    with pytest.raises(errors.CheckpointUnsupportedError, match=what):
        source.open_checkpoint(tmp_path / "weights")
