import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.datasets import idx

LIMIT = 2 * 2**20
"""Peak of Python memory that a refusal of a small file may take: buffers of the inflater, nothing claimed."""


def header(code, *sizes):
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (header(0x08, 2) + b"\x00\xff", np.array([0, 255], np.uint8)),
        (header(0x09, 2) + b"\x80\x7f", np.array([-128, 127], np.int8)),
        (header(0x0B, 1, 2) + b"\x01\x02\xff\xfe", np.array([[258, -2]], np.int16)),
        (header(0x0C, 2) + b"\x00\x01\x00\x00\xff\xff\xff\xff", np.array([65536, -1], np.int32)),
        (header(0x0D, 1) + b"\xbf\xc0\x00\x00", np.array([-1.5], np.float32)),
        (header(0x0E, 1) + b"\x40\x04\x00\x00\x00\x00\x00\x00", np.array([2.5], np.float64)),
    ],
)
def test_every_dtype_is_read_big_endian_and_returned_native(write_idx, packed, content, expected):
    array = idx.read(write_idx("file", content, packed=packed))
    assert array.dtype == expected.dtype and array.dtype.isnative
    np.testing.assert_array_equal(array, expected)
    array[...] = 0  # writable


def test_elements_come_in_c_order_with_up_to_32_dimensions(write_idx):
    array = np.arange(24, dtype=np.int16).reshape((2, 3, 4) + (1,) * 29)
    np.testing.assert_array_equal(idx.read(write_idx("deep", array)), array)


def test_gzip_is_told_by_content_and_not_by_name(write_idx):
    array = np.arange(6, dtype=np.uint8)
    np.testing.assert_array_equal(idx.read(write_idx("plain.gz", array)), array)
    np.testing.assert_array_equal(idx.read(str(write_idx("packed", array, packed=True))), array)


def test_gzip_of_several_members_is_one_file(write_idx, encode_idx):
    array = np.arange(9, dtype=np.int32)
    data = encode_idx(array)
    path = write_idx("members", gzip.compress(data[:7]) + gzip.compress(b"") + gzip.compress(data[7:]))
    np.testing.assert_array_equal(idx.read(path), array)


@pytest.mark.parametrize("packed", [False, True])
def test_dimension_of_zero_gives_an_empty_array(write_idx, packed):
    assert idx.read(write_idx("empty", np.zeros((0, 28, 28), np.float32), packed=packed)).shape == (0, 28, 28)


def test_array_larger_than_a_chunk_is_read_whole(write_idx):
    array = np.random.RandomState(0).randint(0, 2**15, 100_003).astype(np.int32)
    for packed in (False, True):
        np.testing.assert_array_equal(idx.read(write_idx("large", array, packed=packed)), array)


BAD = [
    (b"\x89PNG\r\n", idx.IdxMagicError, r"not an IDX file\. Got '89 50 4e 47'; expected first bytes 00 00"),
    (b"\0\1" + header(8, 1)[2:] + b"1", idx.IdxMagicError, r"Got '00 01 08 01'"),
    (header(0x0A, 1) + b"1", idx.IdxDtypeError, r"Got 0x0A; expected one of 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E\."),
    (header(8), idx.IdxRankError, r"impossible number of dimensions\. Got 0; expected 1 to 32"),
    (header(8, *[1] * 33) + b"1", idx.IdxRankError, r"Got 33; expected 1 to 32"),
    (b"", idx.IdxTruncatedError, r"the file ends within the first 4 bytes of the header\. Got 0; expected 4 bytes"),
    (b"\0\0\x08", idx.IdxTruncatedError, r"first 4 bytes of the header\. Got 3"),
    (header(8, 2, 2)[:-1], idx.IdxTruncatedError, r"within the 2 dimensions of the header\. Got 7; expected 8 bytes"),
    (header(0x0B, 3) + b"12345", idx.IdxTruncatedError, r"elements of dimensions \[3\]\. Got 5; expected 6 bytes"),
    (header(8, 2**20) + b"1", idx.IdxTruncatedError, r"Got 1; expected 1048576 bytes"),
    (header(8, 2) + b"123", idx.IdxTrailingBytesError, r"bytes follow the 2 bytes of elements\. .* \[2\]"),
    (header(8, 0) + b"1", idx.IdxTrailingBytesError, r"bytes follow the 0 bytes of elements"),
    (header(8, 2**30 + 1), idx.IdxSizeError, r"claims 1073741825 bytes, .* Expected at most 1073741824\. .*max_bytes"),
    (header(0x0E, *[2**32 - 1] * 32), idx.IdxSizeError, r"the header claims \d{300,} bytes"),
    (header(8, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1), idx.IdxSizeError, r"claims \d+ bytes, dimensions \[0, 429"),
    (header(8, 2**16, 2**16) + b"1", idx.IdxSizeError, r"claims 4294967296 bytes"),
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("content", "error", "text"), BAD)
def test_bad_file_is_refused_by_name_with_path_and_numbers(write_idx, packed, content, error, text):
    path = write_idx("bad-file", content, packed=packed)
    tracemalloc.start()
    try:
        with pytest.raises(error, match=text) as caught:
            idx.read(path)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith("idx.read: ") and str(path) in str(caught.value)
    assert isinstance(caught.value, idx.IdxError) and isinstance(caught.value, errors.DataError)


def test_second_layer_of_gzip_is_not_unpacked(write_idx):
    once = gzip.compress(header(8, 1) + b"1", mtime=0)
    with pytest.raises(idx.IdxMagicError, match=r"not an IDX file\. Got '1f 8b 08 00'"):
        idx.read(write_idx("twice", once, packed=True))


def test_gzip_stream_with_wrong_checksum_is_refused(write_idx):
    data = bytearray(gzip.compress(header(8, 3) + b"abc", mtime=0))
    data[-8] ^= 1
    with pytest.raises(idx.IdxGzipError, match=r"damaged or cut: CRC check failed"):
        idx.read(write_idx("crc", bytes(data)))


def test_gzip_stream_with_wrong_length_is_refused(write_idx):
    data = bytearray(gzip.compress(header(8, 3) + b"abc", mtime=0))
    data[-1] ^= 1
    with pytest.raises(idx.IdxGzipError, match=r"Incorrect length"):
        idx.read(write_idx("length", bytes(data)))


@pytest.mark.parametrize("kept", [2, 5, 12, 20, -8, -1])
def test_cut_gzip_stream_is_refused(write_idx, kept):
    data = gzip.compress(header(8, 200) + bytes(range(200)), mtime=0)
    with pytest.raises(idx.IdxGzipError, match=r"damaged or cut: .* Fetch or pack the file again"):
        idx.read(write_idx("cut", data[:kept]))


def test_gzip_stream_with_damaged_blocks_is_refused(write_idx):
    data = bytearray(gzip.compress(header(8, 200) + bytes(200), mtime=0))
    data[10] |= 0b110  # block type 3 does not exist
    with pytest.raises(idx.IdxGzipError, match=r"invalid block type"):
        idx.read(write_idx("block", bytes(data)))


def test_bytes_after_a_gzip_stream_are_refused(write_idx):
    with pytest.raises(idx.IdxGzipError, match=r"Not a gzipped file"):
        idx.read(write_idx("tail", gzip.compress(header(8, 1) + b"1") + b"junk"))


@pytest.mark.parametrize(
    ("claimed", "error"), [(100, idx.IdxTrailingBytesError), (2**26, idx.IdxSizeError), (2**32 - 1, idx.IdxSizeError)]
)
def test_gzip_bomb_stays_packed(write_idx, claimed, error):
    path = write_idx("bomb", header(8, claimed) + bytes(2**26), packed=True)
    tracemalloc.start()
    try:
        with pytest.raises(error):
            idx.read(path, max_bytes=2**20)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()


def test_at_most_one_byte_more_than_claimed_is_asked_of_the_stream(write_idx, monkeypatch):
    asked = []
    original = gzip.GzipFile.read

    def counting(self, size=-1):
        asked.append(size)
        return original(self, size)

    path = write_idx("bomb", header(8, 100) + bytes(2**20), packed=True)
    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    with pytest.raises(idx.IdxTrailingBytesError):
        idx.read(path)
    assert min(asked) > 0 and sum(asked) == len(header(8, 100)) + 100 + 1


def test_max_bytes_is_the_largest_size_accepted(write_idx):
    path = write_idx("six", np.arange(3, dtype=np.int16))
    assert idx.read(path, max_bytes=6).size == 3
    with pytest.raises(
        idx.IdxSizeError, match=r"claims 6 bytes, dimensions \[3\] of 2 bytes each\. Expected at most 5"
    ):
        idx.read(path, max_bytes=5)


@pytest.mark.parametrize("wrong", [1.0, "9", True, None])
def test_max_bytes_must_be_an_integer(write_idx, wrong):
    with pytest.raises(errors.ArgumentTypeError, match=r"`max_bytes` must be an integer"):
        idx.read(write_idx("one", np.zeros(1, np.uint8)), max_bytes=wrong)


def test_max_bytes_must_not_be_negative(write_idx):
    with pytest.raises(errors.ArgumentError, match=r"`max_bytes` is out of range\. Got -1; expected at least 0"):
        idx.read(write_idx("one", np.zeros(1, np.uint8)), max_bytes=-1)


def test_missing_file_is_also_a_file_not_found_error(tmp_path):
    with pytest.raises(idx.IdxMissingError, match=r"idx\.read: no such file\. .*absent") as caught:
        idx.read(tmp_path / "absent")
    assert isinstance(caught.value, FileNotFoundError) and isinstance(caught.value, errors.DataError)


def test_directory_is_refused(tmp_path):
    with pytest.raises(idx.IdxFileError, match=r"the path is a directory\. Expected the path of one IDX file"):
        idx.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(idx.IdxFileError, match=r"the path is not a regular file"):
        idx.read(tmp_path / "pipe")


def test_file_that_the_system_refuses_is_named(write_idx, monkeypatch):
    path = write_idx("locked", np.zeros(1, np.uint8))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(idx.IdxFileError, match=r"the file cannot be read: \[Errno 13\] Permission denied"):
        idx.read(path)


def test_text_that_is_no_path_of_the_system_is_named():
    with pytest.raises(idx.IdxFileError, match=r"the file cannot be read: .*null"):
        idx.read("a\0b")


@pytest.mark.parametrize("reader", [idx.read, idx.read_images, idx.read_labels])
def test_path_of_another_type_is_refused(reader):
    with pytest.raises(errors.ArgumentTypeError, match=rf"idx\.{reader.__name__}: `path` must be a path\. Got 3"):
        reader(3)


def test_images_and_labels_are_told_apart(write_idx):
    images = write_idx("images", np.zeros((2, 3, 4), np.uint8))
    labels = write_idx("labels", np.array([0, 9], np.uint8))
    floats = write_idx("floats", np.zeros((2, 3, 4), np.float32))
    assert idx.read_images(images).shape == (2, 3, 4)
    assert idx.read_labels(labels).tolist() == [0, 9]
    text = r"idx\.read_images: the file holds something else\. Got 'uint8 \[2\]'; expected images .* swapped.*labels'"
    with pytest.raises(idx.IdxContentError, match=text):
        idx.read_images(labels)
    with pytest.raises(idx.IdxContentError, match=r"Got 'float32 \[2, 3, 4\]'"):
        idx.read_images(floats)
    with pytest.raises(idx.IdxContentError, match=r"idx\.read_labels: .*Got 'uint8 \[2, 3, 4\]'; expected labels"):
        idx.read_labels(images)


def test_label_that_is_no_class_is_refused_with_its_index(write_idx):
    path = write_idx("labels", np.array([0, 3, 10, 11], np.uint8))
    with pytest.raises(
        idx.IdxContentError, match=r"2 of 4 labels are no class, the first at index 2\. Got 10; .*0 to 9"
    ):
        idx.read_labels(path)
    assert idx.read_labels(path, classes=12).tolist() == [0, 3, 10, 11]


def test_number_of_classes_is_checked(write_idx):
    path = write_idx("labels", np.zeros(1, np.uint8))
    with pytest.raises(errors.ArgumentError, match=r"`classes` is out of range\. Got 257; expected 1 to 256"):
        idx.read_labels(path, classes=257)
    with pytest.raises(errors.ArgumentTypeError, match=r"`classes` must be an integer"):
        idx.read_labels(path, classes=2.0)
