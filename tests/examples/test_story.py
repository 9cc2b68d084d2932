import sys

import pytest

from tf1bn.examples import story

FAKE = (
    "import json; print(json.dumps({'accuracy': 0.5, 'single_image_accuracy': 0.25, "
    "'batch_statistics_single_image_accuracy': 0.125, 'test_images': 150}))"
)


def test_each_strategy_and_the_forgotten_updates_get_a_row(small):
    told = story.tell(small, [sys.executable, "-c", FAKE], steps=2, quiet=True)
    assert [row.strategy for row in told.rows] == ["inline", "collection", "ema", "frozen", "updates forgotten"]
    assert {(row.inference, row.inference_singles, row.mistake) for row in told.rows} == {(0.5, 0.25, 0.125)}
    assert len({row.training_graph for row in told.rows}) == 1
    text = story.text(told)
    assert "300 images to train on, 150 to test; 2 steps each" in text
    assert "updates forgotten" in text and "0.125" in text


def test_a_failed_evaluation_shows_what_it_printed(small):
    command = [sys.executable, "-c", "import sys; sys.exit('error: no luck')"]
    with pytest.raises(story.StoryError, match="^demo: the evaluation of .* failed with exit code 1: error: no luck"):
        story.tell(small, command, steps=1, quiet=True)
