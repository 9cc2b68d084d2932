"""``tf.contrib.learn.preprocessing``: words, bytes and categories as numbers.

In come documents, or rows of categories; out come arrays of int64 or uint8, one for each, by a generator. No
TensorFlow is needed. Files that 1.15 saved load here.
"""

from __future__ import annotations

import collections
import io
import itertools
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

_ORIGINALS = ("tensorflow.contrib.learn.", "tensorflow_core.contrib.learn.")
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|['\w\-]+", re.UNICODE)
"""What is a word: capitals that no small letter follows, a word before another capital, or letters, ' and -."""


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yields the words of each document."""
    return (TOKENIZER_RE.findall(document) for document in iterator)


class CategoricalVocabulary:
    """Numbers of words, in the order in which they come; 0 is every word that is not known.

    Args:
      unknown_token: the word of 0.
      support_reverse: whether :meth:`reverse` works.
    """

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token, self._support_reverse = unknown_token, support_reverse
        self._mapping: dict[Any, int] = {unknown_token: 0}
        self._reverse_mapping = [unknown_token]
        self._freq: dict[Any, int] = collections.defaultdict(int)
        self._freeze = False

    def __len__(self) -> int:
        """Returns how many words there are, with the unknown one."""
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Says whether :meth:`get` leaves out words that are new."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """Returns the number of a word; a new one gets the next number, or 0 when frozen."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        """Counts a word."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keeps words that came more often than ``min_frequency``, and numbers them anew, the most frequent first.

        Words of one frequency come in the order of their letters.

        Args:
          max_frequency: leaves out words that came more often, if it is above 0.
        """
        by_name = sorted(self._freq.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        by_count = sorted(by_name, key=lambda item: item[1], reverse=True)
        kept = [
            (word, count)
            for word, count in by_count
            if count > min_frequency and (max_frequency <= 0 or count <= max_frequency)
        ]
        self._reverse_mapping = [self._unknown_token, *(word for word, _ in kept)]
        self._mapping = {word: number for number, word in enumerate(self._reverse_mapping)}
        self._freq = collections.defaultdict(int, kept)

    def reverse(self, class_id: int) -> Any:
        """Returns the word of a number.

        Raises:
          ValueError: the vocabulary was made without it.
        """
        if not self._support_reverse:
            raise ValueError("CategoricalVocabulary: made with support_reverse=False, so there is no way back.")
        return self._reverse_mapping[class_id]


class VocabularyProcessor:
    """Maps documents to the numbers of their words, with zeros behind.

    Args:
      max_document_length: number of entries of each array.
      min_frequency: words that come as often as that, or less, are unknown.
      vocabulary: a CategoricalVocabulary to begin with.
      tokenizer_fn: maps documents to lists of words.

    Attributes:
      vocabulary_: the CategoricalVocabulary.
    """

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[str]], Iterable[Sequence[str]]] | None = None,
    ) -> None:
        self.max_document_length, self.min_frequency = max_document_length, min_frequency
        self.vocabulary_ = vocabulary if vocabulary is not None else CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Learns the words of documents, freezes the vocabulary, and returns itself."""
        for words in self._tokenizer(raw_documents):
            for word in words:
                self.vocabulary_.add(word)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(self, raw_documents: Any, unused_y: Any = None) -> Iterator[np.ndarray]:
        """Does :meth:`fit`, then :meth:`transform`; documents are gone through twice."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yields an int64 array ``[max_document_length]`` for each document."""
        for words in self._tokenizer(raw_documents):
            numbers = np.zeros(self.max_document_length, np.int64)
            for place, word in enumerate(itertools.islice(words, self.max_document_length)):
                numbers[place] = self.vocabulary_.get(word)
            yield numbers

    def reverse(self, documents: Iterable[Sequence[int]]) -> Iterator[str]:
        """Yields the words of each array, with spaces between."""
        for numbers in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in numbers)

    def save(self, filename: str) -> None:
        """Writes the processor, a pickle; its tokenizer must be a function of a module."""
        with open(filename, "wb") as file:
            pickle.dump(self, file)

    @classmethod
    def restore(cls, filename: str) -> Any:
        """Returns the processor of a file that :meth:`save` wrote, here or in TensorFlow 1.

        A pickle runs code when it is read: take files of people whom you trust only.
        """
        with open(filename, "rb") as file:
            return _Reader(io.BytesIO(file.read())).load()


class _Reader(pickle.Unpickler):
    """Reads pickles in which classes of this module have the names of TensorFlow's."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns a class or function by its module and its name."""
        if module.startswith(_ORIGINALS) and name in globals():
            return globals()[name]
        return super().find_class(module, name)


class ByteProcessor:
    """Maps documents to their bytes in UTF-8, with zeros behind.

    Args:
      max_document_length: number of entries of each array.
    """

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: Any) -> ByteProcessor:
        """Returns itself: there is nothing to learn."""
        del x
        return self

    def fit_transform(self, x: Iterable[Any]) -> Iterator[np.ndarray]:
        """Does :meth:`transform`."""
        return self.transform(x)

    def transform(self, x: Iterable[Any]) -> Iterator[np.ndarray]:
        """Yields a uint8 array ``[max_document_length]`` for each document, text or bytes."""
        for document in x:
            whole = document.encode("utf-8") if isinstance(document, str) else document
            held = np.frombuffer(whole[: self.max_document_length], np.uint8)
            yield np.pad(held, (0, self.max_document_length - len(held)))

    def reverse(self, x: Iterable[Any]) -> Iterator[str]:
        """Yields the text of each array; "" where it is none."""
        for numbers in x:
            try:
                yield np.trim_zeros(np.asarray(numbers).astype(np.uint8), "b").tobytes().decode("utf-8")
            except UnicodeDecodeError:
                yield ""


class CategoricalProcessor:
    """Maps rows of categories to their numbers; NaN is 0.

    Args:
      min_frequency: categories that come as often as that, or less, are unknown.
      share: whether all columns have one vocabulary.
      vocabularies: a CategoricalVocabulary for each column, to begin with.

    Attributes:
      vocabularies_: those, after :meth:`fit`.
    """

    def __init__(
        self, min_frequency: int = 0, share: bool = False, vocabularies: list[CategoricalVocabulary] | None = None
    ) -> None:
        self.min_frequency, self.share, self.vocabularies_ = min_frequency, share, vocabularies

    def freeze(self, freeze: bool = True) -> None:
        """Freezes all vocabularies, or opens them again."""
        for vocabulary in self.vocabularies_ or []:
            vocabulary.freeze(freeze)

    def fit(self, x: Iterable[Sequence[Any]], unused_y: Any = None) -> CategoricalProcessor:
        """Learns the categories of rows, freezes the vocabularies, and returns itself."""
        for row in x:
            if self.vocabularies_ is None:
                first = CategoricalVocabulary()
                self.vocabularies_ = [first if self.share else CategoricalVocabulary() for _ in row]
            for vocabulary, value in zip(self.vocabularies_, row, strict=True):
                if not _is_nan(value):
                    vocabulary.add(value)
        if self.min_frequency > 0:
            for vocabulary in {id(each): each for each in self.vocabularies_ or []}.values():
                vocabulary.trim(self.min_frequency)
        self.freeze()
        return self

    def fit_transform(self, x: Any, unused_y: Any = None) -> Iterator[np.ndarray]:
        """Does :meth:`fit`, then :meth:`transform`."""
        self.fit(x)
        return self.transform(x)

    def transform(self, x: Iterable[Sequence[Any]]) -> Iterator[np.ndarray]:
        """Yields an int64 array for each row."""
        for row in x:
            pairs = zip(self.vocabularies_ or [], row, strict=True)
            yield np.array([0 if _is_nan(value) else each.get(value) for each, value in pairs], np.int64)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)
