"""The options of one batch norm call, checked before anything is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import renorm, switch, variables
from tf1bn.core.naming import OWN, Naming
from tf1bn.layers import arguments
from tf1bn.strategies import base, catalog

if TYPE_CHECKING:
    from tf1bn.distribute.statistics import Statistics

_DEFAULT_INITIALIZERS = {
    "gamma": tf.ones_initializer,
    "beta": tf.zeros_initializer,
    "moving_mean": tf.zeros_initializer,
    "moving_variance": tf.ones_initializer,
}


class Switches(NamedTuple):
    """The two switches: as the caller gave them, or as they are in the graph."""

    is_training: Any
    use_batch: Any

    @classmethod
    def of(cls, is_training: Any, use_batch: Any) -> Switches:
        """Returns checked switches; creates no op."""
        switch.check(is_training, "is_training")
        if use_batch is not None:
            switch.check(use_batch, "use_batch_statistics")
        return cls(is_training, use_batch)

    def resolve(self) -> Switches:
        """Returns both as a Python bool or a tensor; one tensor for both where one follows the other."""
        is_training = switch.resolve(self.is_training)
        return Switches(is_training, is_training if self.use_batch is None else switch.resolve(self.use_batch))

    @property
    def one(self) -> bool:
        """Whether batch moments exist wherever the averages move."""
        return self.use_batch is True or self.use_batch is self.is_training


class Affine(NamedTuple):
    """How gamma or beta is made."""

    initializer: Any
    regularizer: Any
    trainable: bool
    constraint: Any = None


class Schedule(NamedTuple):
    """What changes the decay from update to update."""

    num_updates: Any = None
    zero_debias: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the arguments that are in use."""
        used = {"num_updates": self.num_updates is not None, "zero_debias": self.zero_debias}
        return tuple(name for name, is_used in used.items() if is_used)


class Renorm(NamedTuple):
    """Batch renormalization, as asked for."""

    clipping: renorm.Clipping
    decay: Any


@dataclasses.dataclass(frozen=True)
class Options:
    """The checked options of one call; see ``batch_norm`` for their meaning."""

    strategy: base.UpdateStrategy
    decay: Any
    schedule: Schedule
    epsilon: float
    axis: Any
    gamma: Affine | None
    beta: Affine | None
    mean_initializer: Any
    variance_initializer: Any
    bessel_correction: bool
    numeric_guard: str | None
    batch_weights: Any
    mask: Any
    renorm: Renorm | None
    group_size: int | None
    adjustment: Any
    kernel: str | None = None
    precise: bool = False
    statistics: Statistics | None = None

    @property
    def kinds(self) -> list[str]:
        """Names of the arguments in use that take part in the normalisation beside the batch's own moments."""
        combined = self.statistics is not None and self.statistics.normalize == "combined"
        used = {
            "batch_weights": self.batch_weights,
            "mask": self.mask,
            "renorm": self.renorm,
            "virtual_batch_size": self.group_size,
            "adjustment": self.adjustment,
            "statistics": self.statistics if combined else None,
        }
        return [name for name, value in used.items() if value is not None]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Returns checked options from the keyword arguments of ``batch_norm``.

        Raises:
          Tf1bnError: one of them is impossible, alone or beside another.
        """
        trainable = arguments.flag(given["trainable"], "trainable")
        options = cls(
            strategy=catalog.resolve(given["update_strategy"]),
            decay=arguments.decay(given["decay"]),
            schedule=Schedule(
                arguments.step_count(given["num_updates"]), arguments.flag(given["zero_debias"], "zero_debias")
            ),
            epsilon=arguments.epsilon(given["epsilon"]),
            axis=given["axis"],
            gamma=_affine(given, "gamma", "scale", trainable),
            beta=_affine(given, "beta", "center", trainable),
            mean_initializer=_initializer(given, "moving_mean"),
            variance_initializer=_initializer(given, "moving_variance"),
            bessel_correction=arguments.flag(given["bessel_correction"], "bessel_correction"),
            numeric_guard=arguments.choice(given["numeric_guard"], "numeric_guard", arguments.NUMERIC_GUARDS),
            batch_weights=given["batch_weights"],
            mask=given["mask"],
            renorm=_renorm(given),
            group_size=arguments.size_or_none(given["virtual_batch_size"], "virtual_batch_size"),
            adjustment=arguments.function(given["adjustment"], "adjustment"),
            kernel=given.get("kernel"),
            precise=arguments.flag(given.get("precise", False), "precise"),
            statistics=_statistics(given["statistics"]),
        )
        options.check_together()
        return options

    def check_together(self) -> None:
        """Refuses combinations that contradict each other."""
        if self.renorm is not None and self.epsilon == 0:
            raise errors.ArgumentError(
                errors.explain("`renorm` needs an `epsilon` above 0, which bounds its references", got=0.0)
            )
        if self.numeric_guard == "skip" and base.pools(self.strategy):
            raise errors.ArgumentError(
                errors.explain(
                    f'`numeric_guard="skip"` does not go with strategy {self.strategy.name!r}, which counts batches: '
                    "one that is left out would put it out of step",
                    fix='Use numeric_guard="raise".',
                )
            )
        if self.statistics is not None:
            self._check_groups(self.statistics)
            if self.statistics.writers > 1:
                self._check_writers(self.statistics.writers)

    def _check_groups(self, statistics: Statistics) -> None:
        if self.group_size is not None and "combined" in (statistics.normalize, statistics.averages):
            raise errors.ArgumentError(
                errors.explain(
                    "`virtual_batch_size` normalises groups of rows by themselves, so there is nothing to combine over "
                    "members",
                    got=statistics,
                    fix='Pass Statistics(reducer, normalize="own", averages="replica_mean"), or larger groups with '
                    "tf1bn.distribute.Grouped.",
                )
            )

    def _check_writers(self, writers: int) -> None:
        """Refuses what is wrong, or can go wrong, where several workers write without an order."""
        kept_beside = {"zero_debias": self.schedule.zero_debias, "renorm": self.renorm is not None}
        assigned = [name for name, used in kept_beside.items() if used]
        if assigned or not base.moves_by_difference(self.strategy):
            subject = f"`{assigned[0]}`" if assigned else f"strategy {self.strategy.name!r}"
            raise errors.ArgumentError(
                errors.explain(
                    f"{subject} assigns what it keeps, so of {writers} writers without an order all but one get lost",
                    fix='Use update_strategy="inline" or "collection", which subtract differences that all land.',
                )
            )
        rate = None if tf.is_tensor(self.decay) else writers * (1 - self.decay ** (1 / writers))
        if rate is not None and rate > 1:
            raise errors.ArgumentError(
                errors.explain(
                    f"{writers} writers without an order move the averages by up to {rate:.3g} of the difference in "
                    "one step, so beyond the batch: the variance can become negative",
                    got=self.decay,
                    expected="a `decay` for which writers * (1 - decay^(1/writers)) is at most 1",
                )
            )


def _statistics(value: Any) -> Statistics | None:
    """Returns how the statistics of a split batch are taken; reducers are loaded where there is such a batch."""
    if value is None:
        return None
    from tf1bn.distribute import statistics

    return statistics.resolve(value)


def _affine(given: Mapping[str, Any], leaf: str, switched_by: str, trainable: bool) -> Affine | None:
    regularizer = arguments.function(given[f"{leaf}_regularizer"], f"{leaf}_regularizer")
    affine = Affine(_initializer(given, leaf), regularizer, trainable)
    return affine if arguments.flag(given[switched_by], switched_by) else None


def _initializer(given: Mapping[str, Any], leaf: str) -> Any:
    name = f"{leaf}_initializer"
    return arguments.function(given[name], name) or _DEFAULT_INITIALIZERS[leaf]()


def _renorm(given: Mapping[str, Any]) -> Renorm | None:
    clipping = arguments.clipping(given["renorm_clipping"])
    decay = arguments.decay(given["renorm_decay"], "renorm_decay")
    if arguments.flag(given["renorm"], "renorm"):
        return Renorm(clipping, decay)
    if given["renorm_clipping"] is not None:
        raise errors.ArgumentError(
            errors.explain("`renorm_clipping` is given without renorm=True", got=given["renorm_clipping"])
        )
    return None


def make_affine(leaf: str, affine: Affine | None, shape: tuple[int, ...], dtype: tf.DType, naming: Naming = OWN) -> Any:
    """Returns gamma or beta of the current variable scope, or None where it is switched off."""
    return None if affine is None else variables.affine(leaf, shape, dtype, **affine._asdict(), naming=naming)
