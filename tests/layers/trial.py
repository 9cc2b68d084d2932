"""One batch norm, trained for some batches and then read by inference; and the same in NumPy."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.core import averages
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

DECAY = 0.7


@dataclasses.dataclass(frozen=True)
class Named:
    """A user's strategy: other names, another arithmetic, the same formula."""

    name: str = "named"

    def create(self, request):
        return (
            request.variable("mu", shape=request.shape, initializer=request.mean_initializer),
            request.variable("spread", shape=request.shape, initializer=request.variance_initializer),
        )

    def read(self, state):
        return tf1bn.strategies.base.Moments(*(averages.read_value(variable) for variable in state))

    def update(self, state, batch, decay):
        new = (decay * averages.read_value(v) + (1 - decay) * b for v, b in zip(state, batch, strict=False))
        return tf1bn.UpdatePlan([tf.assign(v, value) for v, value in zip(state, new, strict=True)], "output")


STRATEGIES = {
    "inline": "inline",
    "collection": "collection",
    "ema": "ema",
    "frozen": "frozen",
    "user": Named(),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of batch norm: its input, its options, and what the oracle needs to know of them.

    Attributes:
      shape: static shape of the input, the batch included.
      options: arguments of ``batch_norm`` that do not depend on the batch.
      weights: maps a batch's number to ``batch_weights``.
      mask: likewise to ``mask``.
      scaled: the scale and offset of the adjustment.
      num_updates: the counter at each batch.
    """

    shape: tuple[int, ...] = (8, 3)
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    weights: Any = None
    mask: Any = None
    scaled: Any = None
    num_updates: Any = None

    @property
    def axes(self) -> tuple[int, ...]:
        axis = self.options.get("axis", -1)
        return tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)

    @property
    def kept(self) -> tuple[int, ...]:
        kept = [axis % len(self.shape) for axis in self.axes]
        if len(kept) == 1:
            return (self.shape[kept[0]],)
        return tuple(size if i in kept else 1 for i, size in enumerate(self.shape))


@dataclasses.dataclass
class Seen:
    """What one batch gave, and the averages after it."""

    y: Any
    dx: Any
    dgamma: Any
    dbeta: Any
    read: Statistics


@dataclasses.dataclass
class Data:
    """Seeded batches and parameters of a case."""

    x: Sequence[Any]
    dy: Sequence[Any]
    gamma: Any
    beta: Any
    start: Statistics

    @classmethod
    def of(cls, case: Case, count: int = 3, seed: int = 5) -> "Data":
        rng = np.random.default_rng(seed)
        draw = lambda: rng.normal(rng.normal(0, 2, case.shape[-1]), rng.uniform(0.5, 3, case.shape[-1]), case.shape)  # noqa: E731
        start = Statistics(rng.normal(size=case.kept), rng.uniform(0.5, 2, case.kept))
        gamma, beta = rng.uniform(0.5, 2, case.kept), rng.normal(size=case.kept)
        return cls([draw() for _ in range(count)], rng.normal(size=(count, *case.shape)), gamma, beta, start)


class Built:
    """A case in the graph that is being built."""

    def __init__(self, case: Case, data: Data, strategy: Any, switch: Any, scope: str, dtype: Any = tf.float64) -> None:
        self.case, self.data, self.switch = case, data, switch
        dynamic = [None, *case.shape[1:]] if tf.is_tensor(switch) else case.shape
        self.x, self.dy = tf.placeholder(dtype, dynamic), tf.placeholder(dtype, dynamic)
        constant = {
            "gamma": data.gamma,
            "beta": data.beta,
            "moving_mean": data.start.mean,
            "moving_variance": data.start.variance,
        }
        options = {f"{leaf}_initializer": tf.constant_initializer(value) for leaf, value in constant.items()}
        options |= {"decay": DECAY, "update_strategy": strategy, **case.options}
        self.weights = self.mask = self.step = None
        if case.weights is not None:
            self.weights = options["batch_weights"] = tf.placeholder(tf.float32, np.shape(case.weights(0)))
        if case.mask is not None:
            self.mask = options["mask"] = tf.placeholder(tf.bool, np.shape(case.mask(0)))
        if case.num_updates is not None:
            self.step = options["num_updates"] = tf.placeholder(tf.int64, [])
        if case.scaled is not None:
            options["adjustment"] = lambda shape: tuple(tf.constant(part, dtype) for part in case.scaled)
        self.y = tf1bn.batch_norm(self.x, switch, scope=scope, **options)
        leaves = {v.op.name: v for v in tf.global_variables()}
        targets = [self.x, leaves[f"{scope}/gamma"], leaves[f"{scope}/beta"]]
        self.gradients = tf.gradients(tf.reduce_sum(self.y * self.dy), targets)
        # The averages follow from what inference makes of 0 and of 1.
        options |= {"gamma_initializer": None, "beta_initializer": None}
        affine = {"center": True, "scale": True}
        probe = [tf.fill(case.shape, tf.cast(value, dtype)) for value in (0.0, 1.0)]
        outputs = [tf1bn.batch_norm(p, False, scope=scope, reuse=True, **options, **affine) for p in probe]
        self.probe = [self._channels(y) for y in outputs]
        self.update = tf1bn.with_updates(tf.no_op(), scope)

    def fetches(self) -> list[Any]:
        return [self.y, *self.gradients, self.update]

    def feed(self, i: int, training: bool = True) -> dict[Any, Any]:
        found = {self.x: self.data.x[i], self.dy: self.data.dy[i]}
        if self.weights is not None:
            found[self.weights] = self.case.weights(i)
        if self.mask is not None:
            found[self.mask] = self.case.mask(i)
        if self.step is not None:
            found[self.step] = self.case.num_updates[i]
        return found

    def read(self, zero: Any, one: Any) -> Statistics:
        """With inference gamma * (x - mean) / s + beta at 0 and at 1."""
        slope = (one - zero) / self.data.gamma
        epsilon = self.case.options.get("epsilon", 1e-3)
        return Statistics((self.data.beta - zero) / self.data.gamma / slope, 1 / np.square(slope) - epsilon)

    def _channels(self, y: Any) -> Any:
        kept = [axis % len(self.case.shape) for axis in self.case.axes]
        index = tuple(slice(None) if i in kept else (slice(0, 1) if len(kept) > 1 else 0) for i in range(y.shape.rank))
        return y[index]


def session() -> tf.Session:
    """Returns a session that runs graphs as they are: rewriting a large one takes longer than its few runs."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(config=config)


def run(builts: Sequence[Built], session: Any, switch: Any, training: bool = True) -> list[list[Seen]]:
    """Runs all batches through all built cases, and returns per case what each batch gave."""
    seen: list[list[Seen]] = [[] for _ in builts]
    probes = [built.probe for built in builts]
    for i in range(len(builts[0].data.x)):
        feed = {key: value for built in builts for key, value in built.feed(i).items()}
        if tf.is_tensor(switch):
            feed[switch] = training
        found = session.run([built.fetches() for built in builts], feed)
        for row, built, out, probe in zip(seen, builts, found, session.run(probes), strict=True):
            row.append(Seen(*out[:4], built.read(*probe)))
    return seen


def expected(case: Case, data: Data, *, moves: bool = True, training: bool = True) -> list[Seen]:
    """Returns what ``run`` should see, from the oracle."""
    options = case.options
    epsilon = options.get("epsilon", 1e-3)
    renorm = _Renorm(case, data) if options.get("renorm") else None
    found: list[Any] = []
    seen = []
    for i, (x, dy) in enumerate(zip(data.x, data.dy, strict=True)):
        weights = _weights(case, i)
        variant = reference.Variant(
            weights=weights,
            group_size=options.get("virtual_batch_size"),
            correction=None if renorm is None else renorm.correction,
            adjustment=case.scaled,
            axes=case.axes,
            epsilon=epsilon,
            bessel=options.get("bessel_correction", False),
        )
        y, moments = reference.train(x, data.gamma, data.beta, variant)
        exact = reference.train_gradients(x, data.gamma, dy, variant)
        found.append(moments if moves and (weights is None or np.sum(weights) > 0) else None)
        if renorm is None:
            read = reference.averages_of(
                found,
                DECAY,
                data.start,
                num_updates=case.num_updates,
                zero_debias=options.get("zero_debias", False),
            )
        else:
            read = renorm.after(found)
        seen.append(Seen(y, exact.x, exact.gamma, exact.beta, read))
    return seen


class _Renorm:
    """The references of batch renormalization, and the averages beside them."""

    def __init__(self, case: Case, data: Data) -> None:
        self.case, self.start = case, data.start
        self.epsilon = case.options.get("epsilon", 1e-3)
        self.references = data.start.mean, np.sqrt(data.start.variance)

    def correction(self, group: int, batch: Statistics) -> Any:
        rank = len(self.case.shape)
        wide = self.references
        if len(self.case.axes) == 1:
            shape = [-1 if i == self.case.axes[0] % rank else 1 for i in range(rank)]
            wide = tuple(np.reshape(part, shape) for part in wide)
        clipping = self.case.options.get("renorm_clipping") or {}
        return reference.renorm_correction(batch, wide, epsilon=self.epsilon, **clipping)

    def after(self, found: Sequence[Any]) -> Statistics:
        """Standard deviations are averaged; the variance is their square less epsilon."""
        roots = [None if s is None else Statistics(s.mean, np.sqrt(s.variance + self.epsilon)) for s in found]
        start = Statistics(self.start.mean, np.sqrt(self.start.variance))
        self.references = reference.averages_of(roots, self.case.options.get("renorm_decay", 0.99), start)
        mean, stddev = reference.averages_of(
            roots,
            DECAY,
            start,
            num_updates=self.case.num_updates,
            zero_debias=self.case.options.get("zero_debias", False),
        )
        moved = any(root is not None for root in roots)
        return Statistics(mean, np.maximum(np.square(stddev) - self.epsilon, 0) if moved else self.start.variance)


def _weights(case: Case, i: int) -> Any:
    """Returns weights and mask with the rank of the input: theirs are its leading reduced axes."""
    product = None
    rank = len(case.shape)
    reduced = [k for k in range(rank) if k not in [axis % rank for axis in case.axes]]
    for source in (case.weights, case.mask):
        if source is None:
            continue
        value = np.asarray(source(i), np.float64)
        if value.ndim < rank:
            places = reduced[: value.ndim]
            value = value.reshape([case.shape[k] if k in places else 1 for k in range(rank)])
        product = value if product is None else product * value
    return product
