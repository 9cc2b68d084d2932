"""The picture of a checkpoint: which sites are sick is decided by their numbers, and the file is a picture."""

import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import picture

ZEROS, ONES = np.zeros(4, np.float32), np.ones(4, np.float32)
HEALTHY = (ONES / 2, ONES * 2)
SICK = {
    picture.UNTRAINED: (ZEROS, ONES),
    picture.PARTLY: (np.array([0, 1, 1, 1], np.float32), np.array([1, 2, 2, 2], np.float32)),
    picture.EXPLODED: (ONES, ONES * 1e9),
    picture.DEAD: (ONES, np.array([0, 1, 2, 3], np.float32)),
    picture.DAMAGED: (ONES, np.array([np.nan, 1, 2, 3], np.float32)),
}


def network(*statistics):
    made = {}
    for at, (mean, variance) in enumerate(statistics):
        made |= {f"net/unit_{at}/bn/moving_mean": mean, f"net/unit_{at}/bn/moving_variance": variance}
    return made


def kinds(write, *statistics):
    return picture.kinds(checkpoint.inspect(write(network(*statistics))).sites)


@pytest.mark.parametrize("kind", SICK, ids=lambda kind: kind.text.split(":")[0])
def test_a_sick_layer_among_healthy_ones_is_named_by_its_numbers(kind, write):
    assert kinds(write, HEALTHY, SICK[kind], HEALTHY) == [picture.HEALTHY, kind, picture.HEALTHY]


def test_a_layer_far_from_all_others_has_exploded_though_its_numbers_alone_would_pass(write):
    assert kinds(write, HEALTHY, HEALTHY, (ONES, ONES * 4e4), HEALTHY)[2] is picture.EXPLODED  # 141 times the median


def test_statistics_that_are_not_there_are_not_healthy(write):
    assert picture.kinds(checkpoint.inspect(write({"bn/beta": ONES})).sites) == [picture.UNREAD]


@pytest.mark.parametrize("count", [1, 3, 90])
def test_a_picture_is_written_for_few_and_many_sites(count, write, tmp_path):
    pytest.importorskip("matplotlib")
    rows = [HEALTHY, *SICK.values()]
    found = checkpoint.inspect(write(network(*(rows[at % len(rows)] for at in range(count)))))
    picture.draw(found, tmp_path / "p.png")
    head = (tmp_path / "p.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20], "big") > 600 and int.from_bytes(head[20:24], "big") > 600


@pytest.mark.parametrize(
    ("count", "sick", "named", "told"),
    [
        (70, 0, 70, "names"),
        (71, 0, 0, "not named here"),
        (90, 3, 3, "only sick ones are named"),
        (90, 90, 24, "the first 24 sick ones are named"),
    ],
)
def test_labels_are_as_many_as_fit_and_the_axis_says_which(count, sick, named, told, write):
    pytest.importorskip("matplotlib")
    rows = [SICK[picture.UNTRAINED] if at < sick else HEALTHY for at in range(count)]
    found = checkpoint.inspect(write(network(*rows)))
    lower = picture._figure(found, *picture._ordered(found)).axes[1]
    assert len(lower.get_xticks()) == named and lower.get_xlabel().endswith(told)


def test_nothing_but_nan_can_be_drawn(write, tmp_path):
    pytest.importorskip("matplotlib")
    nan = ONES * np.nan
    picture.draw(checkpoint.inspect(write(network((nan, nan)) | {"a/bn/beta": ONES})), tmp_path / "p.png")


def test_sites_stand_in_the_order_in_which_the_program_made_them(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        for scope in ("stem", "block", "a_head"):
            with tf.variable_scope(f"{scope}/bn"):
                for name in ("moving_mean", "moving_variance"):
                    tf.get_variable(name, [2])
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "m"))
    reports, order = picture._ordered(checkpoint.inspect(prefix))
    assert [report.site.scope for report in reports] == ["stem/bn", "block/bn", "a_head/bn"]
    assert order == "in the order of their creation"
    (tmp_path / "m.meta").unlink()
    reports, order = picture._ordered(checkpoint.inspect(prefix))
    assert [report.site.scope for report in reports] == ["a_head/bn", "block/bn", "stem/bn"]
    assert order == "in the natural order of their names"


def test_natural_order_counts(write):
    found = checkpoint.inspect(write(network(*[HEALTHY] * 12)))
    assert [report.site.scope for report in found.sites][1:3] == ["net/unit_1/bn", "net/unit_2/bn"]


def test_a_picture_that_cannot_be_made_is_refused_by_name(write, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    found = checkpoint.inspect(write(network(HEALTHY)))
    (tmp_path / "there.png").write_bytes(b"")
    for path, text in (("x.jpg", "is a PNG file"), ("there.png", "would be overwritten"), ("no/x.png", "no folder")):
        with pytest.raises(errors.ArgumentError, match=f"picture: .*{text}"):
            picture.draw(found, tmp_path / path)
    with pytest.raises(errors.ArgumentError, match="no batch norm to draw"):
        picture.draw(checkpoint.inspect(write({"w": ONES}, "b")), tmp_path / "p.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(picture.MissingLibraryError, match=r"matplotlib, which is not installed.*tf1bn\[plots\]"):
        picture.draw(found, tmp_path / "p.png")
