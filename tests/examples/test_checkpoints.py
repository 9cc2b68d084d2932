import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.examples import checkpoints, training
from tf1bn.examples.evaluation import evaluate


@pytest.fixture
def saved(tmp_path):
    """Saves variables of given names and shapes; returns the prefix."""

    def save(**shapes):
        with tf.Graph().as_default(), tf.Session() as session:
            for name, shape in shapes.items():
                tf.get_variable(name.replace("__", "/"), shape)
            session.run(tf.global_variables_initializer())
            return tf.train.Saver().save(session, str(tmp_path / "model"), global_step=1)

    return save


def restore(prefix, strategy="inline", **shapes):
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in shapes.items():
            tf.get_variable(name.replace("__", "/"), shape)
        checkpoints.restore(session, tf.train.Saver(), prefix, strategy)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(errors.CheckpointError, match="there is no folder .*nowhere"):
        checkpoints.require_latest(tmp_path / "nowhere")


def test_a_folder_without_checkpoint_says_train_first(tmp_path):
    with pytest.raises(errors.CheckpointError, match="there is no checkpoint in .*Train first"):
        checkpoints.require_latest(tmp_path)


def test_a_moved_folder_is_still_found(saved, tmp_path):
    saved(w=[2])
    moved = tmp_path.with_name(f"{tmp_path.name}_moved")
    tmp_path.rename(moved)
    assert checkpoints.require_latest(moved) == str(moved / "model-1")
    assert checkpoints.kept(moved) == [str(moved / "model-1")]


def test_a_checkpoint_whose_index_is_gone_is_missed(saved, tmp_path):
    saved(w=[2])
    (tmp_path / "model-1.index").unlink()
    with pytest.raises(errors.CheckpointError, match="newest checkpoint of .* is missing: no file model-1.index"):
        checkpoints.require_latest(tmp_path)


def test_a_checkpoint_state_of_other_content_is_refused(tmp_path):
    (tmp_path / "checkpoint").write_bytes(b"\xff\xfe not a state")
    with pytest.raises(errors.CheckpointError, match="'checkpoint' in .* cannot be read|there is no checkpoint in"):
        checkpoints.require_latest(tmp_path)


def test_a_prefix_is_accepted_with_the_ending_of_a_file(saved):
    prefix = saved(w=[2])
    assert {checkpoints.require_prefix(prefix + end) for end in ("", ".index", ".meta")} == {prefix}


def test_an_unknown_prefix_is_answered_with_the_known_ones(saved, tmp_path):
    saved(w=[2])
    with pytest.raises(errors.CheckpointError, match="no checkpoint .*model-2.*Expected one of model-1"):
        checkpoints.require_prefix(str(tmp_path / "model-2"))


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
@pytest.mark.parametrize("keep", [0.0, 0.5, None])
def test_damaged_files_are_told_from_others(ending, keep, saved, tmp_path):
    prefix = saved(w=[100])
    path = tmp_path / f"model-1{ending}"
    if keep is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(errors.CheckpointError, match="is damaged or incomplete: .*Copy its .index and .data files"):
        restore(prefix, w=[100])


def test_another_shape_is_named(saved):
    with pytest.raises(errors.CheckpointError, match=r"another size: 1 variables .*'w'. Got \[3\]; expected \[2\]"):
        restore(saved(w=[3]), w=[2])


@pytest.mark.parametrize(
    ("strategy", "there", "wanted", "text"),
    [
        (
            "ema",
            {"h__moving_mean": [2]},
            {"h__moving_mean": [2], "h__moving_mean__ExponentialMovingAverage": [2]},
            "written with strategy inline, collection or frozen, the graph .* strategy ema.*Use the strategy",
        ),
        ("inline", {"h__bias": [2]}, {"h__moving_mean": [2]}, "written with strategy none, .* strategy inline"),
        (
            "none",
            {"h__moving_mean__ExponentialMovingAverage": [2], "h__moving_mean": [2]},
            {"h__bias": [2]},
            "written with strategy ema, .* strategy none",
        ),
        (
            "inline",
            {"BatchNorm__moving_mean": [2]},
            {"h__moving_mean": [2]},
            "another layout, that of tf.contrib.layers or slim.*Rename its variables",
        ),
        (
            "inline",
            {"batch_normalization__moving_mean": [2]},
            {"h__moving_mean": [2]},
            "another layout, that of tf.layers",
        ),
        ("inline", {"bn__mean__EMA": [2]}, {"h__moving_mean": [2]}, "another layout, that of tensorpack"),
        (
            "inline",
            {"x__moving_mean": [2]},
            {"h__moving_mean": [2]},
            r"lacks 1 of the graph's variables \(h/moving_mean\): it is of another network",
        ),
    ],
)
def test_missing_variables_say_whose_checkpoint_it_is(strategy, there, wanted, text, saved):
    with pytest.raises(errors.CheckpointError, match=text):
        restore(saved(**there), strategy, **wanted)


def test_a_checkpoint_without_global_step_has_no_step(saved):
    assert checkpoints.step_of(saved(w=[2])) is None


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for check in (checkpoints.require_writable, checkpoints.require_creatable):
        with pytest.raises(errors.CheckpointError, match="cannot write into .*Name another folder"):
            check(tmp_path / "file" / "run")


def test_a_folder_without_permission_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(errors.CheckpointError, match="no permission to write into"):
        checkpoints.require_creatable(tmp_path / "run")


def test_checking_that_a_folder_can_be_made_makes_nothing(tmp_path):
    checkpoints.require_creatable(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_truncated_run_is_refused_by_training_and_evaluation(embedded, settings, tmp_path):
    training.train(settings(), embedded, tmp_path, quiet=True)
    data = tmp_path / "model-6.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(errors.CheckpointError, match="^train: checkpoint .*model-6' is damaged or incomplete"):
        training.train(settings(steps=9), embedded, tmp_path, quiet=True)
    with pytest.raises(errors.CheckpointError, match="^evaluate: checkpoint .*model-6' is damaged or incomplete"):
        evaluate(model_dir=str(tmp_path))
