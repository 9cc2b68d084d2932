"""Migrates damaged checkpoints: each must end in a named error, or in a target that is verified and right.

Run as a script: ``fuzz_run.py FOLDER COUNT``; prints one JSON object with a tally and the peak memory.
"""

import collections
import io
import json
import os
import pathlib
import random
import signal
import sys

import numpy as np

from tests import patience
from tf1bn import checkpoint, errors
from tf1bn.checkpoint import bundle, ordered_code, protos, shard, source, table, wire


def values():
    random_state = np.random.RandomState(2)
    tensors = {"w": random_state.rand(20, 30).astype(np.float32), "s": np.array([b"ab", b"", b"c" * 40], object)}
    for scope in ("a/BatchNorm", "b/BatchNorm"):
        for name in ("beta", "moving_mean", "moving_variance"):
            tensors[f"{scope}/{name}"] = random_state.rand(8).astype(np.float32) + 0.5
    tensors["p"] = random_state.rand(6, 3).astype(np.float32)
    tensors["step"] = np.array(9, np.int64)
    return tensors


def flip(data, randomly):
    for _ in range(randomly.choice([1, 1, 2, 8])):
        at = randomly.randrange(len(data))
        data[at] ^= 1 << randomly.randrange(8)


def cut(data, randomly):
    del data[randomly.randrange(len(data)) :]


def splice(data, randomly):
    start, end = sorted(randomly.randrange(len(data)) for _ in range(2))
    at = randomly.randrange(len(data))
    piece = data[start:end]
    if randomly.random() < 0.5:
        data[at:at] = piece
    else:
        data[at : at + len(piece)] = piece


def noise(data, randomly):
    at = randomly.randrange(len(data))
    size = randomly.randrange(1, 64)
    data[at : at + size] = randomly.randbytes(size)


def damaged_entry(raw, randomly):
    """Returns an entry whose numbers are hostile."""
    entry = protos.parse_entry(raw)
    huge = randomly.choice([-1, 0, 1, 7, 255, 1 << 20, (1 << 31) - 1, 1 << 40, (1 << 62), (1 << 64) - 1])
    field = randomly.choice(["dtype", "shape", "shard", "offset", "size", "crc", "slices", "bytes", "big"])
    if field == "bytes":
        data = bytearray(raw)
        if data:
            flip(data, randomly)
        return bytes(data)
    if field == "shape":
        return protos.entry_bytes(entry._replace(shape=(huge,) * randomly.choice([1, 2, 5, 260])))
    if field == "slices":
        return protos.entry_bytes(entry._replace(slices=(((0, huge & 0xFFFF),),) * randomly.choice([1, 3])))
    if field == "big":  # shape and size agree on far more than the file holds
        return protos.entry_bytes(entry._replace(dtype=1, shape=(1 << 30,), size=1 << 32))
    if field == "crc":
        return protos.entry_bytes(entry._replace(crc=huge & 0xFFFFFFFF))
    return protos.entry_bytes(entry._replace(**{field: huge}))


def hostile(data, randomly):
    """Rewrites the index with right checksums around wrong entries."""
    with open("scratch", "wb") as file:
        file.write(data)
    descriptor = os.open("scratch", os.O_RDONLY)
    items = [(key, bytes(value)) for key, value in table.Table(descriptor, 1 << 24)]
    os.close(descriptor)
    at = randomly.randrange(len(items))
    key, raw = items[at]
    if key == b"" or randomly.random() < 0.1:
        shards = randomly.choice([0, 2, 1 << 20, (1 << 31) - 1, 1 << 40])
        items[0] = (b"", wire.put_int(1, shards) + randomly.choice([b"", b"\x10\x01", b"\x1a\x00", b"\xff"]))
    elif randomly.random() < 0.2:
        items[at] = (key[: randomly.randrange(1, len(key) + 1)] + randomly.randbytes(2), raw)
        items.sort()
    else:
        items[at] = (key, damaged_entry(raw, randomly))
    with open("scratch", "wb") as file:
        table.write_table(file, items)
    with open("scratch", "rb") as file:
        data[:] = file.read()


def v1_file(tensors):
    """Returns a V1 checkpoint of the numbers among the tensors."""
    fields = {"float32": (1, 5), "int64": (9, 10)}
    metas, items = b"", {}
    for name, value in tensors.items():
        if value.dtype.name not in fields:
            continue
        number, field = fields[value.dtype.name]
        extents = tuple((0, -1) for _ in value.shape)
        shape = protos.shape_bytes(value.shape)
        meta = wire.put_bytes(1, name.encode()) + wire.put_bytes(2, shape) + wire.put_int(3, number)
        metas += wire.put_bytes(1, meta + wire.put_bytes(4, protos.extents_bytes(extents)))
        packed = value.tobytes() if number == 1 else b"".join(wire.varint(int(part)) for part in value.reshape(-1))
        tensor = wire.put_int(1, number) + wire.put_bytes(2, shape) + wire.put_bytes(field, packed)
        saved = wire.put_bytes(1, name.encode()) + wire.put_bytes(3, tensor)
        items[ordered_code.slice_key(name, extents)] = wire.put_bytes(2, saved)
    out = io.BytesIO()
    table.write_table(out, [(b"", wire.put_bytes(1, metas)), *sorted(items.items())])
    return out.getvalue()


def hostile_v1(data, randomly):
    """Rewrites a V1 file with right checksums around altered messages."""
    with open("scratch", "wb") as file:
        file.write(data)
    descriptor = os.open("scratch", os.O_RDONLY)
    items = [(key, bytearray(value)) for key, value in table.Table(descriptor, 1 << 24)]
    os.close(descriptor)
    randomly.choice([flip, cut, splice, noise])(items[randomly.randrange(len(items))][1], randomly)
    out = io.BytesIO()
    table.write_table(out, [(key, bytes(value)) for key, value in items])
    data[:] = out.getvalue()


def one_v1(whole, tensors, randomly):
    """Damages a V1 file and migrates it; returns how it ended."""
    data = bytearray(whole)
    randomly.choice([flip, cut, splice, noise, hostile_v1, hostile_v1])(data, randomly)
    with open("damaged_v1", "wb") as file:
        file.write(data)
    try:
        checkpoint.inspect("damaged_v1")
        plan = checkpoint.plan_migration("damaged_v1", "tf1bn")
        checkpoint.migrate(plan, "made", verify=True, overwrite=True)
    except errors.Tf1bnError as error:
        return type(error).__name__
    return "verified"


def one(whole, tensors, randomly):
    """Damages one file of the checkpoint and migrates it; returns how it ended."""
    files = {tail: bytearray(data) for tail, data in whole.items()}
    tail = randomly.choice([".index", ".index", ".data-00000-of-00001"])
    if tail == ".index" and randomly.random() < 0.3:
        hostile(files[tail], randomly)
    else:
        randomly.choice([flip, cut, splice, noise])(files[tail], randomly)
    for name, data in files.items():
        with open("damaged" + name, "wb") as file:
            file.write(data)
    for name in os.listdir("."):
        if name.startswith("made."):
            os.remove(name)
    try:
        checkpoint.inspect("damaged")
        plan = checkpoint.plan_migration("damaged", randomly.choice(["tf1bn", "mu_sigma_deviation", "sonnet_v2"]))
        checkpoint.migrate(plan, "made", verify=True)
    except errors.Tf1bnError as error:
        assert not os.path.exists("made.index"), "an error, and yet a target"
        assert str(error).startswith(("inspect: ", "plan_migration: ", "migrate: "))
        return type(error).__name__
    with source.open_checkpoint("made") as made, bundle.Bundle("damaged") as opened:
        for step in plan.steps:
            value = made.read(step.target)
            if step.action in ("copied", "renamed") and step.source in tensors:
                same = np.array_equal(value, tensors[step.source])
                assert same or not np.array_equal(opened.read(step.source), tensors[step.source])
    return "verified"


def peak_bytes():
    """Returns the most memory this program has held; unlike getrusage, without that of the process it came from."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def main():
    os.chdir(sys.argv[1])
    count = int(sys.argv[2])
    os.fsync = lambda _: None  # thousands of files: the disk is not what is tested here
    tensors = values()
    shard.write_checkpoint("whole", tensors, slices={"p": [((0, 2), (0, -1)), ((2, 4), (0, -1))]})
    tails = [".index", ".data-00000-of-00001"]
    whole = {tail: pathlib.Path("whole" + tail).read_bytes() for tail in tails}
    tally = collections.Counter()
    old = v1_file(tensors)
    for number in range(count // 4):
        signal.alarm(patience.SECONDS)
        tally["V1 " + one_v1(old, tensors, random.Random(number))] += 1
    for name in os.listdir("."):
        if name.startswith("made."):
            os.remove(name)
    for number in range(count):
        signal.alarm(patience.SECONDS)  # a hang ends the run
        tally[one(whole, tensors, random.Random(number))] += 1
    print(json.dumps({"count": count, "ends": tally, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
