"""Plans against a target graph: coverage, mismatches, and automatic names that shifted, resolved by connections."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import graph_file, shard, source

C = 4


def conv(x, name, channels=C, stride=1, size=3):
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [size, size, x.shape[-1], channels])
        bias = tf.get_variable("bias", [channels])
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, [1, stride, stride, 1], "SAME"), bias)


def batch_norm(x, name, training=False, gamma="gamma", beta="beta", shape=None, fused=True):
    shape = shape or [C]
    with tf.variable_scope(name):
        scale = tf.get_variable(gamma, shape, initializer=tf.ones_initializer()) if gamma else None
        offset = tf.get_variable(beta, shape)
        mean = tf.get_variable("moving_mean", shape, trainable=False)
        variance = tf.get_variable("moving_variance", shape, trainable=False, initializer=tf.ones_initializer())
        if training:
            batch_mean, batch_variance = tf.nn.moments(x, [0, 1, 2])
            updates = [
                mean.assign(0.9 * mean + 0.1 * batch_mean),
                variance.assign(0.9 * variance + 0.1 * batch_variance),
            ]
            with tf.control_dependencies(updates):
                return tf.nn.batch_normalization(x, batch_mean, batch_variance, offset, scale, 1e-3)
        if fused and scale is not None:
            return tf.nn.fused_batch_norm(x, scale, offset, mean, variance, is_training=False)[0]
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-3)


def save(prefix, build, train=False):
    """Builds a graph, gives every variable values of its own, saves it with its .meta; returns name -> value."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 8, 8, 3], "x")
        y = build(x)
        if train:
            tf.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        session.run(tf.global_variables_initializer())
        values = {}
        for row, variable in enumerate(tf.global_variables()):
            value = np.random.RandomState(row).uniform(0.5, 1.5, variable.shape.as_list()).astype(np.float32)
            session.run(variable.assign(value))
            values[variable.op.name] = value
        tf.train.Saver().save(session, prefix)
    return values


def by_target(plan):
    return {step.target: step for step in plan.steps}


def kinds(plan):
    return sorted({trouble.kind for trouble in plan.troubles})


def chain_net(names, strides=(1, 2, 1), training=False, before=""):
    def build(x):
        for row, (layer, norm) in enumerate(names):
            if before:
                x = conv(x, f"{before}_{row}")
            x = tf.nn.relu(batch_norm(conv(x, layer, stride=strides[row % 3]), norm, training))
        return x

    return build


@pytest.mark.parametrize("training", [False, True])
def test_shifted_automatic_names_are_resolved_by_the_convolution_before(tmp_path, training):
    old = [(f"conv2d_{layer}", f"batch_normalization_{norm}") for layer, norm in ((5, 7), (6, 8), (4, 5))]
    new = [(f"conv2d{tail}", f"batch_normalization{tail}") for tail in ("", "_1", "_2")]
    values = save(str(tmp_path / "old"), chain_net(old, training=training))
    save(str(tmp_path / "new"), chain_net(new))
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert plan.troubles == ()
    assert len(plan.notes) >= 3
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with source.open_checkpoint(tmp_path / "out") as made:
        for (old_conv, old_norm), (new_conv, new_norm) in zip(old, new, strict=True):
            assert np.array_equal(made.read(f"{new_conv}/kernel"), values[f"{old_conv}/kernel"])
            assert np.array_equal(made.read(f"{new_conv}/bias"), values[f"{old_conv}/bias"])
            assert np.array_equal(made.read(f"{new_norm}/moving_mean"), values[f"{old_norm}/moving_mean"])


def test_names_that_exist_on_both_sides_are_not_trusted_over_the_graph(tmp_path):
    old = [("conv2d_1", "batch_normalization_1"), ("conv2d", "batch_normalization")]
    new = [("conv2d", "batch_normalization"), ("conv2d_1", "batch_normalization_1")]

    def grow(names):
        def build(x):
            for row, (layer, norm) in enumerate(names):
                x = tf.nn.relu(batch_norm(conv(x, layer, size=3 if row == 0 else 1), norm))
            return x

        return build

    values = save(str(tmp_path / "old"), grow(old))
    save(str(tmp_path / "new"), grow(new))
    steps = by_target(checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta"))
    assert steps["batch_normalization/moving_mean"].source == "batch_normalization_1/moving_mean"
    assert steps["conv2d/bias"].source == "conv2d_1/bias"
    assert values


def test_without_the_source_graph_shifted_names_stop_the_run(tmp_path):
    old = [("a", "batch_normalization_7"), ("b", "batch_normalization_8")]
    new = [("a", "batch_normalization"), ("b", "batch_normalization_1")]
    save(str(tmp_path / "old"), chain_net(old))
    save(str(tmp_path / "new"), chain_net(new))
    (tmp_path / "old.meta").rename(tmp_path / "elsewhere.meta")
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert "drift" in kinds(plan)
    assert "give --source_graph" in next(trouble.text for trouble in plan.troubles if trouble.kind == "drift")
    told = checkpoint.plan_migration(
        tmp_path / "old", graph=tmp_path / "new.meta", source_graph=tmp_path / "elsewhere.meta"
    )
    assert told.troubles == ()


def two_towers(first, second, norms):
    def build(x):
        return tf.concat([batch_norm(conv(x, first), norms[0]), batch_norm(conv(x, second), norms[1])], -1)

    return build


def test_equal_branches_are_told_apart_by_a_name_that_a_person_gave_only(tmp_path):
    save(str(tmp_path / "old"), two_towers("left", "right", ["batch_normalization_3", "batch_normalization_9"]))
    save(str(tmp_path / "new"), two_towers("right", "left", ["batch_normalization", "batch_normalization_1"]))
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert plan.troubles == ()
    assert by_target(plan)["batch_normalization/beta"].source == "batch_normalization_9/beta"


def test_equal_branches_with_automatic_names_stop_the_run(tmp_path):
    save(str(tmp_path / "old"), two_towers("conv2d", "conv2d_1", ["batch_normalization_3", "batch_normalization_9"]))
    save(str(tmp_path / "new"), two_towers("conv2d", "conv2d_1", ["batch_normalization", "batch_normalization_1"]))
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert "drift" in kinds(plan)
    assert any("cannot be told from each other" in trouble.text for trouble in plan.troubles)


def test_a_training_checkpoint_restores_into_an_inference_graph_of_another_layout(tmp_path):
    old = [("c1", "BatchNorm"), ("c2", "BatchNorm_1")]
    values = save(str(tmp_path / "old"), chain_net(old, training=True), train=True)
    save(str(tmp_path / "new"), chain_net([("c1", "batch_norm"), ("c2", "batch_norm_1")]))
    stopped = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert kinds(stopped) == ["unplaced"]
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta", drop=["Adam", "_power$"])
    assert plan.troubles == ()
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with tf.Graph().as_default(), tf.Session() as session:
        chain_net([("c1", "batch_norm"), ("c2", "batch_norm_1")])(tf.placeholder(tf.float32, [None, 8, 8, 3]))
        tf.train.Saver().restore(session, str(tmp_path / "out"))
        mean = next(v for v in tf.global_variables() if v.op.name == "batch_norm_1/moving_mean")
        assert np.array_equal(session.run(mean), values["BatchNorm_1/moving_mean"])


def test_slots_follow_their_variable_where_the_target_trains_on(tmp_path):
    save(str(tmp_path / "old"), chain_net([("c1", "BatchNorm")], training=True), train=True)
    save(str(tmp_path / "new"), chain_net([("c9", "batch_norm")], training=True), train=True)
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert plan.troubles == ()
    assert by_target(plan)["batch_norm/gamma/Adam_1"].source == "BatchNorm/gamma/Adam_1"
    assert by_target(plan)["c9/kernel/Adam"].source == "c1/kernel/Adam"


def test_a_gamma_that_the_source_lacks_is_ones_and_one_that_the_target_lacks_stops_the_run(tmp_path):
    def net(gamma):
        return lambda x: batch_norm(conv(x, "c"), "bn", gamma=gamma)

    save(str(tmp_path / "without"), net(None))
    save(str(tmp_path / "with"), net("gamma"))
    up = checkpoint.plan_migration(tmp_path / "without", graph=tmp_path / "with.meta")
    assert up.troubles == ()
    assert by_target(up)["bn/gamma"].value == "ones"
    down = checkpoint.plan_migration(tmp_path / "with", graph=tmp_path / "without.meta")
    assert [(trouble.kind, trouble.name) for trouble in down.troubles] == [("unplaced", "bn/gamma")]


def test_shapes_and_types_that_do_not_fit_are_listed(tmp_path):
    save(str(tmp_path / "new"), lambda x: batch_norm(conv(x, "c"), "bn", shape=[1, 1, 1, C], fused=False))
    values = {f"bn/{name}": np.ones(C, np.float32) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    values |= {"c/kernel": np.ones((3, 3, 3, 5), np.float32), "c/bias": np.ones(C, np.float64)}
    shard.write_checkpoint(str(tmp_path / "old"), values)
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert by_target(plan)["bn/gamma"].shape == (1, 1, 1, C)
    assert {(trouble.kind, trouble.name) for trouble in plan.troubles} == {
        ("shape", "c/kernel"),
        ("uncovered", "c/kernel"),
        ("dtype", "c/bias"),
    }


def test_uncovered_statistics_are_listed(tmp_path):
    save(str(tmp_path / "new"), chain_net([("c", "bn")]))
    values = {f"bn/{name}": np.ones(C, np.float32) for name in ("gamma", "beta")}
    values |= {"c/kernel": np.ones((3, 3, 3, C), np.float32), "c/bias": np.ones(C, np.float32)}
    shard.write_checkpoint(str(tmp_path / "old"), values)
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta")
    assert [(trouble.kind, trouble.name) for trouble in plan.troubles] == [
        ("uncovered", "bn/moving_mean"),
        ("uncovered", "bn/moving_variance"),
    ]


def test_renames_bring_scopes_together_before_names_are_compared(tmp_path):
    save(str(tmp_path / "new"), chain_net([("net/c", "net/bn")]))
    values = {
        f"tower_0/bn/{name}": np.ones(C, np.float32) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    values |= {"tower_0/c/kernel": np.ones((3, 3, 3, C), np.float32), "tower_0/c/bias": np.ones(C, np.float32)}
    shard.write_checkpoint(str(tmp_path / "old"), values)
    plan = checkpoint.plan_migration(tmp_path / "old", graph=tmp_path / "new.meta", rename=["^tower_0/=>net/"])
    assert plan.troubles == ()


def save_objects(prefix, fill, scope):
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope(scope):
            layer = tf.train.Checkpoint(**{name: tf.get_variable(name, [C]) for name in names})
        root = tf.train.Checkpoint(bn=layer)
        session.run(tf.global_variables_initializer())
        for row, name in enumerate(names):
            session.run(getattr(layer, name).assign(np.full(C, fill + row, np.float32)))
        return root.save(prefix, session=session)


def test_an_object_based_target_is_written_over_its_own_graph_of_objects(tmp_path):
    template = save_objects(str(tmp_path / "template"), 0.0, "batch_normalization")
    values = {
        f"BatchNorm/{name}": np.full(C, 5.0 + row, np.float32)
        for row, name in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))
    }
    shard.write_checkpoint(str(tmp_path / "old"), values)
    plan = checkpoint.plan_migration(tmp_path / "old", graph=template)
    assert plan.troubles == ()
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("batch_normalization"):
            layer = tf.train.Checkpoint(**{name: tf.get_variable(name, [C]) for name in ("gamma", "moving_variance")})
        status = tf.train.Checkpoint(bn=layer).restore(str(tmp_path / "out"))
        status.assert_existing_objects_matched()
        status.initialize_or_restore(session)
        assert np.array_equal(session.run(layer.moving_variance), np.full(C, 8.0))
        assert np.array_equal(session.run(layer.gamma), np.full(C, 5.0))


def test_an_object_based_source_goes_to_a_name_based_graph(tmp_path):
    prefix = save_objects(str(tmp_path / "objects"), 1.0, "net/bn")

    def build(x):
        return batch_norm(conv(x, "c"), "net/bn")

    save(str(tmp_path / "new"), build)
    plan = checkpoint.plan_migration(prefix, graph=tmp_path / "new.meta")
    assert {(trouble.kind, trouble.name) for trouble in plan.troubles} == {
        ("uncovered", "c/bias"),
        ("uncovered", "c/kernel"),
    }
    assert by_target(plan)["net/bn/moving_variance"].source == "bn/moving_variance/.ATTRIBUTES/VARIABLE_VALUE"


def test_a_file_that_is_no_graph_is_named(tmp_path):
    (tmp_path / "bad.meta").write_bytes(b"\xff\xff\xff")
    with pytest.raises(errors.CheckpointDamagedError, match="is no .meta file"):
        graph_file.read_graph(tmp_path / "bad.meta")
    (tmp_path / "empty.meta").write_bytes(b"")
    with pytest.raises(errors.CheckpointDamagedError, match="holds no operations"):
        graph_file.read_graph(tmp_path / "empty.meta")
    (tmp_path / "lost.meta").write_bytes(bytes.fromhex("120a0a080a01781204436f6e") + b"")
    with pytest.raises(errors.CheckpointDamagedError, match="is no .meta file"):
        graph_file.read_graph(tmp_path / "lost.meta")


def test_partitioned_variables_of_a_graph_are_one_tensor_in_slices(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(2)):
            tf.get_variable("w", [6, 2])
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "m"))
    wanted = graph_file.read_graph(tmp_path / "m.meta").variables["p/w"]
    assert wanted.shape == (6, 2)
    assert wanted.slices == (((0, 3), (0, 2)), ((3, 3), (0, 2)))
    assert checkpoint.plan_migration(tmp_path / "m", graph=tmp_path / "m.meta").troubles == ()


def test_a_damaged_graph_file_is_named_or_read(tmp_path):
    save(str(tmp_path / "m"), chain_net([("c", "bn")]))
    whole = (tmp_path / "m.meta").read_bytes()
    random = np.random.RandomState(0)
    ends = set()
    for _ in range(100):
        data = bytearray(whole)
        for at in random.randint(len(data), size=8):
            data[at] ^= 1 << random.randint(8)
        (tmp_path / "bad.meta").write_bytes(data[: random.randint(1, len(data) + 1)])
        try:
            checkpoint.plan_migration(tmp_path / "m", graph=tmp_path / "bad.meta")
            ends.add("read")
        except errors.CheckpointDamagedError:
            ends.add("named")
    assert "named" in ends
