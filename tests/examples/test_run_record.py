import json

import pytest

from tf1bn import errors
from tf1bn.examples import run_record
from tf1bn.examples.settings import TrainSettings


@pytest.fixture
def record(small):
    return run_record.RunRecord(TrainSettings(decay=0.9), (8, 8, 1), run_record.describe_data(small, "digits"))


def test_what_is_written_is_read(record, tmp_path):
    path = run_record.write(record, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["tf1bn_run.json"]
    assert run_record.read(tmp_path) == record
    content = json.loads(path.read_text())
    assert (content["settings"]["decay"], content["image_shape"], content["version"]) == (0.9, [8, 8, 1], 1)


def test_how_a_run_was_spread_is_kept_and_one_device_leaves_no_word_of_it(record, tmp_path):
    import dataclasses

    assert "distribution" not in json.loads(run_record.write(record, tmp_path).read_text())
    spread = dataclasses.replace(record, distribution={"engine": "towers", "members": 2, "statistics": "combined"})
    run_record.write(spread, tmp_path)
    assert run_record.read(tmp_path) == spread


def test_data_are_the_same_wherever_they_lie_but_not_with_other_labels(small):
    one, other = run_record.describe_data(small, "a"), run_record.describe_data(small, None)
    assert (one.train, one.validation, one.test) == (300, 100, 150)
    assert one.same_images(other) and one != other
    swapped = small._replace(train=small.train._replace(labels=small.train.labels[::-1]))
    assert not one.same_images(run_record.describe_data(swapped, "a"))


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(errors.CheckpointError, match="there is no tf1bn_run.json in .*`tf1bn train` wrote"):
        run_record.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda content: content.update(version=2), "has another version. Got 2; expected 1"),
        (lambda content: content.update(format="x"), "no JSON object with format 'tf1bn run'"),
        (lambda content: content.pop("data"), "not a readable record of a run: KeyError"),
        (lambda content: content["settings"].update(colour=1), "not a readable record of a run: TypeError"),
        (lambda content: content["settings"].update(decay=2), "not a readable record of a run: `decay` must be in"),
        (lambda content: content.update(image_shape=[8]), "not a readable record of a run: ValueError"),
    ],
)
def test_a_damaged_record_says_what_is_wrong(change, text, record, tmp_path):
    path = run_record.write(record, tmp_path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(errors.CheckpointError, match=text):
        run_record.read(tmp_path)


def test_a_truncated_record_is_refused(record, tmp_path):
    path = run_record.write(record, tmp_path)
    path.write_text(path.read_text()[:40])
    with pytest.raises(errors.CheckpointError, match="not a readable record of a run"):
        run_record.read(tmp_path)
