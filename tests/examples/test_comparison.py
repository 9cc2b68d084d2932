import json
import math
import sys

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.examples import comparison, comparison_report, plots, training_graph
from tf1bn.examples.comparison import compare
from tf1bn.strategies.catalog import STRATEGIES


@pytest.fixture(scope="module")
def compared(small):
    from tf1bn.examples.settings import TrainSettings

    settings = TrainSettings(steps=150, batch_size=50, decay=0.9)
    return compare(settings, small, points=4, quiet=True)


def named(compared, name):
    return next(variant for variant in compared.variants if variant.name == name)


def test_every_registered_strategy_is_compared_with_a_plain_network(compared):
    assert [variant.name for variant in compared.variants] == ["none", *STRATEGIES.names()]
    assert [point.step for point in compared.variants[0].points] == [0, 50, 100, 150]


def test_strategies_train_the_same_network(compared):
    inline = named(compared, "inline")
    for name in ("collection", "ema", "frozen"):
        curve = [point.accuracy_by_batch for point in named(compared, name).points]
        np.testing.assert_allclose(curve, [point.accuracy_by_batch for point in inline.points], atol=0.02)


def test_averages_converge_to_the_population_unless_frozen(compared):
    for name in ("inline", "collection", "ema"):
        points = named(compared, name).points
        assert points[-1].mean_distance < points[0].mean_distance / 10
        assert points[-1].variance_distance < points[0].variance_distance / 5
    frozen = named(compared, "frozen").points
    assert frozen[-1].mean_distance > frozen[0].mean_distance / 2
    assert named(compared, "none").points[0].mean_distance is None


def test_only_moving_averages_carry_over_to_inference(compared):
    assert named(compared, "inline").test_by_averages > 0.85
    assert named(compared, "inline").singles_by_averages > 0.8
    assert named(compared, "inline").singles_by_batch < 0.3
    assert named(compared, "frozen").test_by_averages < 0.7
    plain = named(compared, "none")
    assert plain.test_by_averages == plain.test_by_batch


def test_batch_norm_starts_a_unit_at_mean_zero_and_deviation_one(compared):
    low, median, high = named(compared, "inline").points[0].percentiles
    assert low < median < high
    assert -1.8 < low < -0.4 and 0.4 < high < 1.8


def test_other_initial_weights_are_refused(small, settings):
    start = {}
    for seed in (0, 0, 1):
        with training_graph.open_run(training_graph.build(settings(seed=seed), (8, 8, 1))) as run:
            if seed == 0:
                comparison.require_same_start(run, start, "inline")
            else:
                with pytest.raises(errors.ArgumentError, match="'ema' does not start from the weights of the first"):
                    comparison.require_same_start(run, start, "ema")


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"points": 1}, errors.ArgumentError, "^compare: `points` must be at least 2. Got 1"),
        (
            {"population_images": 10},
            errors.ArgumentError,
            "`population_images` is out of range. Got 10; expected 50 to",
        ),
        ({"population_images": 999}, errors.ArgumentError, "Got 999; expected 50 to 300"),
        ({"strategies": ["emma"]}, errors.UnknownNameError, "unknown update strategy 'emma'"),
    ],
)
def test_impossible_comparisons_are_refused_before_training(arguments, kind, text, settings, small):
    with pytest.raises(kind, match=text):
        compare(settings(), small, quiet=True, **arguments)


def test_the_report_is_a_table_json_and_three_plots(settings, small, tmp_path):
    pytest.importorskip("matplotlib")
    done, files = comparison_report.compare_models(
        [settings(steps=4)], small, tmp_path, strategies=["inline", "frozen"], points=2, quiet=True
    )
    names = ["comparison.md", "comparison.json", "mlp_accuracy.png", "mlp_drift.png", "mlp_averages.png"]
    assert [path.name for path in files] == names
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in files[2:])
    table = files[0].read_text()
    assert "## mlp, 4 steps, batches of 50, seed 3" in table and table.count("\n| ") == 5
    content = json.loads(files[1].read_text())
    assert [each["name"] for each in content["models"]["mlp"]["variants"]] == ["none", "inline", "frozen"]
    assert "inline" in comparison_report.text(done)
    assert [path.name for path in plots.draw(done[0], tmp_path)] == names[2:]


def test_values_that_json_lacks_become_null(compared):
    import dataclasses

    diverged = dataclasses.replace(compared.variants[0], test_by_batch=math.nan)
    content = comparison_report.content([dataclasses.replace(compared, variants=(diverged,))], [])
    assert content["models"]["mlp"]["variants"][0]["test_by_batch"] is None
    json.dumps(content, allow_nan=False)


def test_missing_matplotlib_is_told_before_training(settings, small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        plots.MissingLibraryError, match=r"compare: plots need matplotlib.*pip install 'tf1bn\[plots\]'"
    ):
        comparison_report.compare_models([settings()], small, tmp_path)
    done, files = comparison_report.compare_models(
        [settings(steps=2)], small, tmp_path, strategies=[], points=2, with_plots=False, quiet=True
    )
    assert len(done) == 1 and [path.name for path in files] == ["comparison.md", "comparison.json"]


def test_a_plan_names_variants_and_files_and_writes_nothing(settings, tmp_path):
    plan = comparison_report.plan([settings()], tmp_path / "out", strategies=["ema"], with_plots=False)
    assert plan["variants"] == ["mlp none", "mlp ema"]
    assert plan["files"] == [str(tmp_path / "out" / name) for name in ("comparison.md", "comparison.json")]
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_refused_before_training(settings, small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.CheckpointError, match="^compare: cannot write into"):
        comparison_report.compare_models([settings()], small, tmp_path / "file" / "out")
