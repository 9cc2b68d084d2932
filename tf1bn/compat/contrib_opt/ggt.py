"""GGT: the preconditioner of full-matrix Adagrad over a window of gradients (Agarwal et al., 2018)."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib_opt.rules import dense_gradient, given


class GGTOptimizer(tf.train.Optimizer):
    """Steps by the square root of the covariance of the last gradients, of all variables together.

        m <- beta1 * m + (1 - beta1) * g
        row (t - 1) mod window of B <- m;    M = transpose(B) / sqrt(min(t, window))
        U diag(s) U' = M'M + svd_eps * I;    q = smallest of sqrt(s)
        step = M U diag((sqrt(s) + sigma_eps)^-3) U' M' m
        where q > eps: step <- step + (m - M U diag(1 / s) U' M' m) / q
        variables <- variables - learning_rate * step

    Sparse gradients count as dense ones.

    Variables (none is trainable; n is the size of all trained ones together, which are sorted by name):
    ``global_step`` (t), ``grad_buffer`` (B, ``[window, n]``), ``moment1`` (m, ``[n]``), ``flat_grad`` (g, ``[n]``).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        use_locking: bool = False,
        name: str = "GGT",
        window: int = 10,
        eps: Any = 1e-4,
        svd_eps: Any = 1e-6,
        sigma_eps: Any = 1e-2,
    ) -> None:
        super().__init__(use_locking, name)
        self._lr, self._beta1, self._window = learning_rate, beta1, window
        self._eps, self._svd_eps, self._sigma_eps = eps, svd_eps, sigma_eps
        self._grads: dict[str, tuple[Any, Any]] = {}

    def _create_slots(self, var_list: Any) -> None:
        self._trained = sorted(var_list, key=lambda var: var.name)
        size = sum(var.shape.num_elements() for var in self._trained)
        first, dtype = var_list[0], var_list[0].dtype.base_dtype
        shapes = {"global_step": [], "grad_buffer": [self._window, size], "moment1": [size], "flat_grad": [size]}
        for name, shape in shapes.items():
            self._create_non_slot_variable(tf.zeros(shape, dtype), name, colocate_with=first)

    def _prepare(self) -> None:
        self._grads = {}

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        self._grads[var.name] = var, tf.reshape(grad, [-1])
        return tf.no_op()

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_dense(grad, var)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_dense(dense_gradient(grad.values, grad.indices, var), var)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_dense(dense_gradient(grad, indices, var), var)

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        with tf.control_dependencies(update_ops):
            pairs = [self._grads[name] for name in sorted(self._grads)]
            flat = tf.assign(self._state("flat_grad"), self._flat_gradient(pairs))
            step = self._step(tf.convert_to_tensor(flat))
        rate = given(self._lr, step.dtype)
        sizes = [var.shape.num_elements() for var, _ in pairs]
        parts = zip(pairs, tf.split(step, sizes), strict=True)
        moved = [tf.assign_sub(var, rate * tf.reshape(part, var.shape)) for (var, _), part in parts]
        return tf.group(*moved, name=name_scope)

    def _flat_gradient(self, pairs: list[tuple[Any, Any]]) -> tf.Tensor:
        return tf.concat([grad for _, grad in pairs], 0)

    def _step(self, flat: tf.Tensor) -> tf.Tensor:
        dtype = flat.dtype
        beta1 = given(self._beta1, dtype)
        t = tf.convert_to_tensor(tf.assign_add(self._state("global_step"), tf.ones([], dtype)))
        moment = tf.convert_to_tensor(
            tf.assign(self._state("moment1"), beta1 * self._state("moment1") + (1 - beta1) * flat)
        )
        place = tf.cast(t - 1, tf.int32) % self._window
        rows = tf.convert_to_tensor(tf.scatter_update(self._state("grad_buffer"), place, moment))
        return self._preconditioned(rows / tf.sqrt(tf.minimum(t, tf.cast(self._window, dtype))), moment)

    def _preconditioned(self, rows: tf.Tensor, moment: tf.Tensor) -> tf.Tensor:
        """Returns the step; ``rows`` is M'."""
        dtype = moment.dtype
        damping = given(self._svd_eps, dtype) * tf.eye(self._window, dtype=dtype)
        values, vectors = tf.linalg.eigh(tf.matmul(rows, rows, transpose_b=True) + damping)
        seen = tf.linalg.matvec(vectors, tf.linalg.matvec(rows, moment), transpose_a=True)

        def back(weights: tf.Tensor) -> tf.Tensor:
            return tf.linalg.matvec(rows, tf.linalg.matvec(vectors, weights * seen), transpose_a=True)

        roots = tf.sqrt(values)
        least = tf.reduce_min(roots)
        rest = (moment - back(1 / values)) / least
        outside = tf.cast(least > given(self._eps, dtype), dtype)
        return back((roots + given(self._sigma_eps, dtype)) ** -3) + outside * rest

    def _state(self, name: str) -> Any:
        return self._get_non_slot_variable(name, graph=tf.get_default_graph())
