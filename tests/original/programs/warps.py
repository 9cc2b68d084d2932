"""contrib.image."""
import tensorflow as tf
from values import images, normal

I = tf.contrib.image

CASES = {
    "rotate": lambda: I.rotate(images(), 0.3),
    "rotate, bilinear": lambda: I.rotate(images(), tf.constant([0.3, -1.0]), interpolation="BILINEAR"),
    "translate": lambda: I.translate(images(), [1.5, -2.0], "BILINEAR"),
    "transform": lambda: I.transform(images(), [1.1, 0.1, 0.5, -0.1, 0.9, 1.0, 0.01, 0.02], "BILINEAR"),
    "compose_transforms": lambda: I.compose_transforms(
        I.angles_to_projective_transforms(0.3, 8.0, 8.0), I.translations_to_projective_transforms([1.0, 2.0])),
    "flat_transforms_to_matrices": lambda: I.flat_transforms_to_matrices(
        I.angles_to_projective_transforms([0.3, 0.1], 8.0, 6.0)),
    "dense_image_warp": lambda: I.dense_image_warp(images(), normal(2, 8, 8, 2, seed=1)),
    "sparse_image_warp": lambda: I.sparse_image_warp(
        images(), 3 * tf.abs(normal(2, 4, 2)), 3 * tf.abs(normal(2, 4, 2)) + 0.5)[0],
    "interpolate_spline": lambda: I.interpolate_spline(normal(1, 5, 2), normal(1, 5, 1, seed=1), normal(1, 3, 2, seed=2), 2),
    "connected_components": lambda: I.connected_components(normal(2, 6, 7) > 0.0),
    "bipartite_match": lambda: list(I.bipartite_match(tf.abs(normal(4, 3)), tf.constant(3.0))),
}
