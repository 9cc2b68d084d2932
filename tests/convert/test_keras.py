"""Built Keras 3 models are filled by topology and compute what the graph does."""

import pytest

pytest.importorskip("torch", reason="run by `make test-convert`, beside PyTorch: Keras costs seconds")
keras_models = pytest.importorskip("tests.convert.keras_models")

from tf1bn import convert, errors  # noqa: E402


@pytest.mark.parametrize("name", keras_models.ALL)
def test_a_filled_model_computes_what_the_graph_does(name, saved, options, tmp_path):
    model = keras_models.ALL[name]()
    path = tmp_path / "model.weights.h5"
    done = convert.fill(model, saved(name), output=path, **options(name))
    assert not done.untouched and len(done.filled) == len(model.weights)
    verdict = convert.verify(saved(name), model, plan=done.plan, **options(name))
    assert verdict.agrees and verdict.largest < 1e-5 and not verdict.parted and verdict.layers
    other = keras_models.ALL[name]()
    other.load_weights(path)
    assert convert.verify(saved(name), other, **options(name)).largest < 1e-5
    with pytest.raises(errors.ConvertError, match="exists"):
        convert.fill(model, saved(name), output=path, **options(name))


@pytest.mark.parametrize("name", ["recurrent", "mobile", "slim"])
def test_one_wrong_variable_is_found(name, saved, options):
    model = keras_models.ALL[name]()
    done = convert.fill(model, saved(name), **options(name))
    kernel = model.layers[-2 if name == "mobile" else 1].weights[0]
    kernel.assign(kernel[::-1])
    verdict = convert.verify(saved(name), model, plan=done.plan, **options(name))
    assert not verdict.agrees
    with pytest.raises(errors.ConvertError, match="does not compute what the source does"):
        verdict.require()


def test_renorm_keeps_its_averages(saved, options):
    model = keras_models.renormed()
    convert.fill(model, saved("renormed"), **options("renormed"))
    from tf1bn.graph.values import CheckpointValues

    stored = CheckpointValues(saved("renormed"))
    norm = model.layers[1]
    for leaf in ("moving_stddev", "renorm_mean", "renorm_stddev"):
        assert getattr(norm, leaf).numpy().tolist() == stored.get(f"bn/{leaf}").tolist()


def test_nothing_changes_where_a_question_is_open(saved, options):
    model = keras_models.averaged()
    before = [variable.numpy().copy() for variable in model.weights]
    with pytest.raises(errors.ConvertError, match="questions are open"):
        convert.fill(model, saved("flattened"), **options("flattened"))
    assert all((old == new.numpy()).all() for old, new in zip(before, model.weights, strict=True))


def test_a_model_that_is_not_built_is_refused(saved, options):
    import keras

    with pytest.raises(errors.ConvertError, match="not built"):
        convert.fill(keras.Sequential([keras.layers.Dense(3)]), saved("mlp"), **options("mlp"))
