"""contrib.learn.preprocessing: numbers of words, bytes and categories as TensorFlow 1.15 gives them."""

from __future__ import annotations

import pathlib
import pickle

import numpy as np
import pytest

from tf1bn.compat import learn_preprocessing as preprocessing

TEXTS = ["the movie was good", "a bad bad film", "the film is a good one, really", "don't!"]


def test_words_get_numbers_in_the_order_in_which_they_come() -> None:
    processor = preprocessing.VocabularyProcessor(5)
    numbers = np.array(list(processor.fit_transform(TEXTS)))
    # What 1.15 gives for these documents.
    expected = [[1, 2, 3, 4, 0], [5, 6, 6, 7, 0], [1, 7, 8, 5, 4], [11, 0, 0, 0, 0]]
    np.testing.assert_array_equal(numbers, expected)
    assert numbers.dtype == np.int64 and len(processor.vocabulary_) == 12
    assert processor.vocabulary_._mapping["one"] == 9 and processor.vocabulary_._mapping["really"] == 10
    np.testing.assert_array_equal(next(processor.transform(["good unknown A the"])), [4, 0, 0, 1, 0])
    assert list(processor.reverse(numbers[:1])) == ["the movie was good <UNK>"]


def test_rare_words_are_unknown_and_the_others_come_by_frequency_then_by_name() -> None:
    processor = preprocessing.VocabularyProcessor(3, min_frequency=1, tokenizer_fn=lambda all_: map(str.split, all_))
    numbers = list(processor.fit_transform(TEXTS))
    assert processor.vocabulary_._mapping == {"<UNK>": 0, "a": 1, "bad": 2, "film": 3, "good": 4, "the": 5}
    np.testing.assert_array_equal(numbers, [[5, 0, 0], [1, 2, 2], [5, 3, 0], [0, 0, 0]])
    vocabulary = preprocessing.CategoricalVocabulary()
    for word in ["b", "a", "b", "c", "c", "c"]:
        vocabulary.add(word)
    vocabulary.trim(1, max_frequency=2)
    vocabulary.freeze()
    assert (vocabulary.get("b"), vocabulary.get("c"), vocabulary.reverse(1), len(vocabulary)) == (1, 0, "b", 2)


def test_tokens_are_those_of_1_15() -> None:
    (found,) = preprocessing.tokenizer(["It's a b-c 12.5 Z_z"])
    assert found == ["It's", "a", "b-c", "12", "5", "Z_z"]


def test_a_processor_is_saved_and_restored(tmp_path: pathlib.Path) -> None:
    first = preprocessing.VocabularyProcessor(4)
    first.fit(TEXTS)
    first.save(str(tmp_path / "vocab"))
    again = preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocab"))
    np.testing.assert_array_equal(next(again.transform(TEXTS)), [1, 2, 3, 4])


def test_a_file_of_tensorflow_1_is_read(tmp_path: pathlib.Path) -> None:
    processor = preprocessing.VocabularyProcessor(4)
    processor.fit(TEXTS)
    ours = preprocessing.__name__.encode()
    theirs = b"tensorflow.contrib.learn.python.learn.preprocessing.text"
    written = pickle.dumps(processor, protocol=2)  # the protocol that names modules without their length
    assert ours in written
    (tmp_path / "old").write_bytes(written.replace(b"c" + ours + b"\n", b"c" + theirs + b"\n"))
    again = preprocessing.VocabularyProcessor.restore(str(tmp_path / "old"))
    assert again.vocabulary_._mapping == processor.vocabulary_._mapping and again.max_document_length == 4


def test_bytes_and_back() -> None:
    processor = preprocessing.ByteProcessor(5)
    numbers = list(processor.fit(None).fit_transform(["abc", "éx", b"longer"]))
    expected = [[97, 98, 99, 0, 0], [195, 169, 120, 0, 0], list(b"longe")]
    np.testing.assert_array_equal(numbers, expected)
    assert list(processor.reverse([*numbers, [255]])) == ["abc", "éx", "longe", ""]


@pytest.mark.parametrize("share, expected", [(False, [[1, 1], [2, 0], [1, 2]]), (True, [[1, 2], [3, 0], [1, 3]])])
def test_categories_of_columns(share: bool, expected: list[list[int]]) -> None:
    processor = preprocessing.CategoricalProcessor(share=share)
    rows = [["a", "b"], ["c", float("nan")], ["a", "c"]]
    np.testing.assert_array_equal(list(processor.fit_transform(rows)), expected)
    np.testing.assert_array_equal(next(processor.transform([["new", "b"]])), [0, expected[0][1]])


def test_categories_that_are_rare_are_unknown() -> None:
    processor = preprocessing.CategoricalProcessor(min_frequency=1).fit([["a"], ["b"], ["a"]])
    np.testing.assert_array_equal(list(processor.transform([["a"], ["b"]])), [[1], [0]])


def test_no_way_back_is_said() -> None:
    with pytest.raises(ValueError, match="support_reverse=False, so there is no way back"):
        preprocessing.CategoricalVocabulary(support_reverse=False).reverse(0)
