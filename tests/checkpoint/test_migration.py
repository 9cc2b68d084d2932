"""Migrations: what TensorFlow restores afterwards, what is refused, and what stays untouched."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import bundle, migration, shard, source, staging


def digest(prefix):
    folder, base = os.path.split(prefix)
    names = sorted(name for name in os.listdir(folder) if name.startswith(base + "."))
    return {name: hashlib.sha256(Path(folder, name).read_bytes()).hexdigest() for name in names}


def files_at(folder, base):
    return sorted(name for name in os.listdir(folder) if base in name)


def run(prefix, target, to="tf1bn", **options):
    return checkpoint.migrate(checkpoint.plan_migration(prefix, to), target, **options)


@pytest.mark.parametrize("link", [False, True])
def test_a_slim_checkpoint_restores_into_a_tf1bn_graph(slim_checkpoint, slim_arrays, tmp_path, link):
    before = digest(slim_checkpoint)
    done = run(slim_checkpoint, tmp_path / "out", link=link, verify=True)
    assert (done.linked, done.shards, done.written_bytes, done.verified) == (link, 2, 16, 9)
    assert digest(slim_checkpoint) == before
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("net/conv/batch_norm"):
            made = {name: tf.get_variable(name, [4]) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
        with tf.variable_scope("", partitioner=tf.fixed_size_partitioner(2)):
            table = tf.get_variable("table", [10, 3])
        labels = tf.get_variable("labels", initializer=tf.constant([b"", b"", b""]))
        tf.train.Saver().restore(session, str(tmp_path / "out"))
        values = session.run(made)
        for name in ("beta", "moving_mean", "moving_variance"):
            assert np.array_equal(values[name], slim_arrays[f"net/conv/BatchNorm/{name}"])
        assert np.array_equal(values["gamma"], np.ones(4))
        assert np.array_equal(session.run(tf.convert_to_tensor(table)), slim_arrays["table"])
        assert list(session.run(labels)) == list(slim_arrays["labels"])


def test_tensorflow_restores_reshaped_copied_and_constant_tensors(slim_checkpoint, slim_arrays, tmp_path):
    run(slim_checkpoint, tmp_path / "out", "sonnet_v2", verify=True)
    reader = tf.train.load_checkpoint(str(tmp_path / "out"))
    mean = slim_arrays["net/conv/BatchNorm/moving_mean"]
    for leaf in ("average", "hidden"):
        read = reader.get_tensor(f"net/conv/batch_norm/moving_mean/{leaf}")
        assert read.shape == (1, 1, 1, 4) and np.array_equal(read.reshape(-1), mean)
    assert reader.get_tensor("net/conv/batch_norm/moving_mean/counter") == 10000000
    # Sonnet 2 keeps the reduced axes of averages only.
    assert reader.get_tensor("net/conv/batch_norm/offset").shape == (4,)


def test_linked_data_files_are_the_same_files(slim_checkpoint, tmp_path):
    run(slim_checkpoint, tmp_path / "out", link=True)
    old, new = slim_checkpoint + ".data-00000-of-00001", tmp_path / "out.data-00000-of-00002"
    assert os.stat(old).st_ino == os.stat(new).st_ino


def test_the_same_plan_gives_the_same_bytes(slim_checkpoint, tmp_path):
    run(slim_checkpoint, tmp_path / "one", "lingvo")
    run(slim_checkpoint, tmp_path / "two", "lingvo")
    one, two = digest(str(tmp_path / "one")), digest(str(tmp_path / "two"))
    assert list(one.values()) == list(two.values()) and len(one) == 3


def test_partitioned_tensors_of_many_shards_are_renamed_and_converted(tmp_path):
    values = {}
    with tf.Graph().as_default(), tf.Session() as session:
        for part in range(5):
            with tf.device("/cpu:0"), tf.variable_scope(f"t{part}/bn", partitioner=tf.fixed_size_partitioner(2)):
                for name in ("gamma", "beta"):
                    initial = tf.random_uniform_initializer(0.5, 1.5, seed=part)
                    tf.get_variable(name, [6], initializer=initial)
            with tf.variable_scope(f"t{part}/bn"):
                for name in ("moving_mean", "moving_variance"):
                    initial = tf.random_uniform_initializer(0.5, 1.5, seed=part)
                    tf.get_variable(name, [6], initializer=initial)
        session.run(tf.global_variables_initializer())
        tf.train.Saver(sharded=True).save(session, str(tmp_path / "many"), write_meta_graph=False)
        for variable in tf.global_variables():
            values[variable.op.name] = session.run(variable)
    # TensorFlow merges the shards of one device; spread them over three files by hand.
    with source.open_checkpoint(tmp_path / "many") as opened:
        writers = [shard.ShardWriter(bundle.data_path(str(tmp_path / "src"), at, 3), at) for at in range(3)]
        items = shard.IndexItems()
        for number, (name, info) in enumerate(opened.tensors.items()):
            placed = [
                (part.extents, writers[number % 3].add(info.dtype.number, part))
                for part in migration._raw_parts(opened, info, info.shape)
            ]
            items.add(name, info.dtype.number, info.shape, placed)
        for writer in writers:
            writer.close()
        items.write(str(tmp_path / "src.index"), bundle.protos.Header(3))
    done = run(str(tmp_path / "src"), tmp_path / "out", "lingvo", verify=True)
    assert done.shards == 4
    reader = source.open_checkpoint(tmp_path / "out")
    gamma = np.concatenate([values["t3/bn/gamma/part_0"], values["t3/bn/gamma/part_1"]]).astype(np.float64)
    assert np.array_equal(reader.read("t3/bn/gamma/var"), (gamma - 1.0).astype(np.float32))
    assert len(reader.tensors["t3/bn/gamma/var"].slices) == 2
    assert np.array_equal(reader.read("t2/bn/moving_mean/var"), values["t2/bn/moving_mean"])


def test_a_v1_file_becomes_a_v2_checkpoint(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("BatchNorm"):
            tf.get_variable("moving_mean", initializer=[1.0, 2.0])
            tf.get_variable("moving_variance", initializer=[3.0, 4.0])
            tf.get_variable("beta", initializer=[5.0, 6.0])
        tf.get_variable("labels", initializer=tf.constant([[b"a", b"bc"]]))
        tf.get_variable("count", initializer=tf.constant(-5, tf.int64))
        with tf.variable_scope("", partitioner=tf.fixed_size_partitioner(2)):
            parts = list(tf.get_variable("table", [4, 2]))
        session.run(tf.global_variables_initializer())
        for row, part in enumerate(parts):
            session.run(part.assign(np.arange(4, dtype=np.float32).reshape(2, 2) + 4 * row))
        saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
        saver.save(session, str(tmp_path / "v1"), write_meta_graph=False)
    done = run(str(tmp_path / "v1"), tmp_path / "v2", verify=True)
    assert done.shards == 1
    reader = tf.train.load_checkpoint(str(tmp_path / "v2"))
    assert np.array_equal(reader.get_tensor("batch_norm/moving_variance"), [3.0, 4.0])
    assert np.array_equal(reader.get_tensor("batch_norm/gamma"), [1.0, 1.0])
    assert reader.get_tensor("labels").tolist() == [[b"a", b"bc"]]
    assert reader.get_tensor("count") == -5
    assert np.array_equal(reader.get_tensor("table"), np.arange(8).reshape(4, 2))


def test_an_existing_target_is_refused_and_overwritten_when_told(slim_checkpoint, tmp_path):
    target = tmp_path / "out"
    run(slim_checkpoint, target)
    before = digest(str(target))
    with pytest.raises(errors.CheckpointExistsError, match="exists. Choose another prefix, or pass --overwrite"):
        run(slim_checkpoint, target, "slim")
    assert digest(str(target)) == before
    run(slim_checkpoint, target, "slim", overwrite=True)
    assert files_at(tmp_path, "out") == ["out.data-00000-of-00001", "out.index"]


def test_data_files_without_an_index_are_not_overwritten_in_silence(slim_checkpoint, tmp_path):
    (tmp_path / "out.data-00000-of-00001").write_bytes(b"precious")
    with pytest.raises(errors.CheckpointExistsError, match="are there, without an index"):
        run(slim_checkpoint, tmp_path / "out")
    assert (tmp_path / "out.data-00000-of-00001").read_bytes() == b"precious"


def test_source_and_target_must_differ(slim_checkpoint, tmp_path):
    with pytest.raises(errors.CheckpointPlanError, match="source and target are the same"):
        run(slim_checkpoint, os.path.join(os.path.dirname(slim_checkpoint), ".", "slim"), overwrite=True)


def test_a_target_that_cannot_be_is_refused(slim_checkpoint, tmp_path):
    with pytest.raises(errors.CheckpointPlanError, match="the target is a directory"):
        run(slim_checkpoint, tmp_path)
    with pytest.raises(errors.CheckpointMissingError, match="of the target does not exist"):
        run(slim_checkpoint, tmp_path / "no" / "out")


def test_two_migrations_to_one_target_do_not_mix(slim_checkpoint, tmp_path):
    with staging.Staging(str(tmp_path / "out"), False).open():
        with pytest.raises(errors.CheckpointExistsError, match="another process is writing"):
            run(slim_checkpoint, tmp_path / "out")
    run(slim_checkpoint, tmp_path / "out")


def test_a_target_that_appears_meanwhile_is_left_alone(slim_checkpoint, tmp_path, monkeypatch):
    real = migration._write

    def write(*arguments):
        (tmp_path / "out.index").write_bytes(b"someone else's")
        return real(*arguments)

    monkeypatch.setattr(migration, "_write", write)
    with pytest.raises(errors.CheckpointExistsError, match="appeared meanwhile"):
        run(slim_checkpoint, tmp_path / "out")
    assert (tmp_path / "out.index").read_bytes() == b"someone else's"


def test_a_plan_of_another_source_is_refused(slim_checkpoint, tmp_path):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn")
    broken = plan._replace(steps=(*plan.steps, plan.steps[0]._replace(source="gone", target="x")))
    with pytest.raises(errors.CheckpointPlanError, match="takes 'gone', which .* lacks"):
        checkpoint.migrate(broken, tmp_path / "out")


def test_integers_are_not_converted(write, tmp_path):
    values = np.array([1, 2], np.int32)
    prefix = write({f"bn/{name}": values for name in ("gamma", "beta", "moving_mean", "moving_variance")})
    with pytest.raises(errors.CheckpointPlanError, match="no floating-point tensor"):
        run(prefix, tmp_path / "out", "lingvo")


def test_a_companion_of_another_size_is_refused(slim_checkpoint, tmp_path):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn")
    at = next(at for at, step in enumerate(plan.steps) if step.target.endswith("moving_mean"))
    step = plan.steps[at]._replace(action="converted", conversion=("decode weighted",), companion="net/conv/weights")
    with pytest.raises(errors.CheckpointPlanError, match="weights does not fit"):
        checkpoint.migrate(plan._replace(steps=(*plan.steps[:at], step, *plan.steps[at + 1 :])), tmp_path / "out")
    assert files_at(tmp_path, "out") == []


def test_verify_finds_a_tensor_that_came_out_wrong(slim_checkpoint, tmp_path, monkeypatch):
    real = staging.copy_file

    def copy(old, new):
        real(old, new)
        with open(new, "r+b") as file:
            file.write(b"\x13\x57")

    monkeypatch.setattr(staging, "copy_file", copy)
    with pytest.raises(errors.CheckpointDamagedError, match="does not come out as planned"):
        run(slim_checkpoint, tmp_path / "out", verify=True)
    assert files_at(tmp_path, "out") == []


def test_comparison_with_the_plan_sees_names_types_and_bytes(slim_checkpoint, tmp_path):
    plan = checkpoint.plan_migration(slim_checkpoint, "tf1bn")
    checkpoint.migrate(plan, tmp_path / "out")
    with source.open_checkpoint(slim_checkpoint) as opened:
        fewer = plan._replace(steps=plan.steps[1:])
        with pytest.raises(errors.CheckpointDamagedError, match="other tensors than the plan"):
            migration.compare_with_plan(fewer, opened, str(tmp_path / "out"))
        other = plan._replace(steps=(plan.steps[0]._replace(dtype="int32"), *plan.steps[1:]))
        with pytest.raises(errors.CheckpointDamagedError, match="another type or shape"):
            migration.compare_with_plan(other, opened, str(tmp_path / "out"))


def test_a_corrupt_source_is_not_converted(slim_checkpoint, tmp_path):
    with bundle.Bundle(slim_checkpoint) as opened:
        entry = opened.entries["net/conv/BatchNorm/moving_variance"]
    with open(slim_checkpoint + ".data-00000-of-00001", "r+b") as file:
        file.seek(entry.offset)
        file.write(b"\x00\x01")
    with pytest.raises(
        errors.CheckpointDamagedError, match="checksum of the data of net/conv/BatchNorm/moving_variance"
    ):
        run(slim_checkpoint, tmp_path / "out", "mu_sigma_deviation")
    assert files_at(tmp_path, "out") == []


@pytest.mark.parametrize("call", ["link", "fsync", "rename", "makedirs"])
def test_an_error_of_the_system_is_named_and_leaves_nothing(slim_checkpoint, tmp_path, monkeypatch, call):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(errors.CheckpointError, match="No space left on device"):
        run(slim_checkpoint, tmp_path / "out", link=call == "link")
    assert not (tmp_path / "out.index").exists()


def test_copying_works_where_the_kernel_cannot_copy_ranges(slim_checkpoint, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    run(slim_checkpoint, tmp_path / "out", verify=True)


def test_a_data_file_that_shrinks_while_it_is_copied_is_named(slim_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0, raising=False)
    with pytest.raises(errors.CheckpointDamagedError, match="became shorter while it was copied"):
        run(slim_checkpoint, tmp_path / "out")


def test_no_tensorflow_is_imported(slim_checkpoint, tmp_path):
    code = (
        "import sys; from tf1bn import checkpoint as c\n"
        f"source, target = {slim_checkpoint!r}, {str(tmp_path / 'o')!r}\n"
        "c.inspect(source); c.migrate(c.plan_migration(source, 'tf1bn'), target)\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])
