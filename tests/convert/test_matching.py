"""Layers are matched by kind, shape, order and place; what these do not decide is asked, never guessed."""

import pytest

from tf1bn.convert import dialects, matching, naming, states
from tf1bn.convert.layer import KERNEL, Layer, Stored


def _dense(scope, rows, columns, place, above=()):
    layer = Layer("dense", scope, {KERNEL: Stored(f"{scope}/kernel", (rows, columns), "float32")}, place=place)
    layer.before = frozenset(above[-1:])
    layer.above = frozenset(above)
    return layer


def _norm(scope, size, place, above):
    tensors = {
        role: Stored(f"{scope}/{role}", (size,), "float32")
        for role in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    layer = Layer("batch_norm", scope, tensors, place=place)
    layer.before, layer.above = frozenset(above[-1:]), frozenset(above)
    return layer


def _norm_shapes(name, size):
    return {f"{name}.{word}": (size,) for word in ("weight", "bias", "running_mean", "running_var")}


def _match(layers, shapes, ordered=True):
    doubts, notes = [], []
    state = states.load(shapes)._replace(ordered=ordered)
    matching.match(layers, state, naming.TORCH, doubts, notes)
    return {layer.scope: layer.name for layer in layers if layer.match}, [doubt.text for doubt in doubts], notes


def test_the_only_layers_of_a_shape_are_certain_whatever_the_order():
    layers = [_dense("a", 3, 4, 0), _dense("b", 4, 5, 2, (0,))]
    found, doubts, notes = _match(layers, {"two.weight": (5, 4), "one.weight": (4, 3)}, ordered=False)
    assert found == {"a": "one", "b": "two"} and not doubts
    assert notes == ["matched 2 of 2 layers to the given state: 2 certain"]


def test_layers_of_one_shape_go_by_order_where_each_computes_from_the_one_before():
    layers = [_dense("a", 3, 3, 0), _dense("b", 3, 3, 2, (0,))]
    shapes = {"first.weight": (3, 3), "second.weight": (3, 3)}
    found, doubts, notes = _match(layers, shapes)
    assert found == {"a": "first", "b": "second"} and not doubts and "2 likely" in notes[0]


def test_layers_side_by_side_of_one_shape_are_asked():
    layers = [_dense("left", 3, 3, 0), _dense("right", 3, 3, 2)]
    found, doubts, _ = _match(layers, {"first.weight": (3, 3), "second.weight": (3, 3)})
    assert not found and len(doubts) == 2 and all("which of first, second is it" in text for text in doubts)


@pytest.mark.parametrize(
    ("names", "matched"), [(("block.2", "block.10"), True), (("encoder", "decoder"), False)], ids=["numbered", "named"]
)
def test_a_file_sorted_by_name_has_an_order_only_where_numbers_say_it(names, matched):
    layers = [_dense("a", 3, 3, 0), _dense("b", 3, 3, 2, (0,))]
    shapes = {f"{name}.weight": (3, 3) for name in sorted(names)}
    found, doubts, _ = _match(layers, shapes, ordered=False)
    assert found == ({"a": names[0], "b": names[1]} if matched else {}) and bool(doubts) != matched


def test_a_norm_goes_with_the_layer_before_it_where_the_target_has_that_habit():
    layers = [_dense("l", 2, 4, 0), _norm("l/bn", 4, 2, (0,)), _dense("r", 3, 4, 4), _norm("r/bn", 4, 6, (4,))]
    linear = {"x.weight": (4, 3)}, {"y.weight": (4, 2)}
    found, doubts, _ = _match(layers, {**linear[0], **_norm_shapes("xn", 4), **linear[1], **_norm_shapes("yn", 4)})
    assert found == {"l": "y", "l/bn": "yn", "r": "x", "r/bn": "xn"} and not doubts
    for layer in layers:
        layer.name, layer.match = "", None
    found, doubts, _ = _match(layers, {**linear[0], **linear[1], **_norm_shapes("xn", 4), **_norm_shapes("yn", 4)})
    assert found == {"l": "y", "r": "x"} and len(doubts) == 2, "convolutions first, norms after: places say nothing"


def test_a_missing_bias_is_zeros_and_a_bias_without_a_place_is_asked():
    layer = _dense("a", 3, 4, 0)
    found, doubts, _ = _match([layer], {"x.weight": (4, 3), "x.bias": (4,)})
    assert found == {"a": "x"} and not doubts
    (made,) = matching.extra(layer, dialects.of(layer, naming.TORCH))
    assert (made.name, made.shape, made.constant.blocks) == ("bias", (4,), (0.0,))
    other = _dense("b", 3, 4, 0)
    other.tensors["bias"] = Stored("b/bias", (4,), "float32")
    assert _match([other], {"x.weight": (4, 3)})[1] == ["'x' has no 'bias' for it"]


def test_what_the_source_does_not_have_is_said():
    assert _match([_dense("a", 3, 4, 0)], {"x.weight": (4, 3), "y.weight": (9, 9)})[1] == ["nothing is left for y"]


def test_recurrent_and_written_out_cells_are_layers():
    shapes = {f"rnn.{w}_l{n}": (8, 3) for n in (0, 1) for w in ("weight_ih", "weight_hh")}
    shapes |= {f"cell.{part}.weight": (4, 6) for part in ("gates", "candidate")}
    assert [item.name for item in matching.layers_of(states.load(shapes))] == ["rnn_l0", "rnn_l1", "cell"]
