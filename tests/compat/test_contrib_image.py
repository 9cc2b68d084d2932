"""contrib.image against its definitions, pixel by pixel in NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_image as image
from tf1bn.compat.contrib_image import stereograms

RANDOM = np.random.RandomState(4)
IMAGES = RANDOM.rand(2, 5, 6, 3)
ROWS = np.array([[0.9, -0.2, 0.6, 0.1, 1.1, -0.35, 0.01, -0.02], [1, 0.3, -1.3, -0.25, 0.8, 0.7, 0, 0.015]])


def pixel(pixels: np.ndarray, y: int, x: int) -> np.ndarray:
    inside = 0 <= y < pixels.shape[0] and 0 <= x < pixels.shape[1]
    return pixels[y, x] if inside else np.zeros(pixels.shape[2])


def transformed(pixels: np.ndarray, row: np.ndarray, kind: str, size: tuple[int, int]) -> np.ndarray:
    found = np.zeros((*size, pixels.shape[2]))
    for y, x in np.ndindex(*size):
        k = row[6] * x + row[7] * y + 1
        right, down = (row[0] * x + row[1] * y + row[2]) / k, (row[3] * x + row[4] * y + row[5]) / k
        if kind == "NEAREST":
            found[y, x] = pixel(pixels, round(down), round(right))
        else:
            low, left = int(np.floor(down)), int(np.floor(right))
            for dy, dx in itertools.product((0, 1), repeat=2):
                share = (1 - abs(down - low - dy)) * (1 - abs(right - left - dx))
                found[y, x] += share * pixel(pixels, low + dy, left + dx)
    return found


@pytest.mark.parametrize("kind", ["NEAREST", "bilinear"])
def test_transforms_read_each_pixel_elsewhere(graph, run, kind):
    made = image.transform(tf.placeholder_with_default(IMAGES, [None, 5, None, 3]), ROWS, kind, [4, 7])
    wanted = [transformed(pixels, row, kind.upper(), (4, 7)) for pixels, row in zip(IMAGES, ROWS, strict=True)]
    np.testing.assert_allclose(run(made), wanted, atol=1e-5)
    assert made.shape.as_list() == [None, 4, 7, 3]
    alone = image.transform(IMAGES[0, :, :, 0], ROWS[0], kind)
    np.testing.assert_allclose(run(alone), transformed(IMAGES[0], ROWS[0], kind.upper(), (5, 6))[:, :, 0], atol=1e-5)


def test_rotations_by_right_angles_are_those_of_numpy(plain_graph, run):
    square = RANDOM.randint(0, 255, [5, 5, 2]).astype(np.uint8)
    many = np.stack([square] * 4)
    turned = run(image.rotate(many, np.pi / 2 * np.arange(4)))
    np.testing.assert_array_equal(turned, [np.rot90(square, times) for times in range(4)])
    np.testing.assert_array_equal(run(image.rotate(square, np.pi)), np.rot90(square, 2))


def test_translations_move_to_the_right_and_down(plain_graph, run):
    moved = run(image.translate(IMAGES, [[1, 2], [-1, 0]]))
    wanted = np.zeros_like(IMAGES)
    wanted[0, 2:, 1:], wanted[1, :, :-1] = IMAGES[0, :-2, :-1], IMAGES[1, :, 1:]
    np.testing.assert_array_equal(moved, wanted)


def test_composed_transforms_are_products_of_matrices(plain_graph, run):
    matrices = np.concatenate([ROWS, np.ones([2, 1])], 1).reshape(2, 3, 3)
    product = matrices[0] @ matrices[1]
    composed, same = run([image.compose_transforms(ROWS[0], ROWS[1]), image.flat_transforms_to_matrices(ROWS)])
    np.testing.assert_allclose(composed, [(product / product[2, 2]).ravel()[:8]], rtol=1e-5)
    np.testing.assert_allclose(same, matrices, rtol=1e-6)
    np.testing.assert_allclose(run(image.matrices_to_flat_transforms(2 * same)), ROWS, rtol=1e-6)


def test_the_gradient_is_transformed_back(plain_graph, run):
    pixels = tf.constant(IMAGES)
    upstream = RANDOM.rand(2, 5, 6, 3)
    (gradient,) = tf.gradients(image.translate(pixels, [1, 2]), pixels, [upstream])
    wanted = np.zeros_like(IMAGES)
    wanted[:, :-2, :-1] = upstream[:, 2:, 1:]
    np.testing.assert_allclose(run(gradient), wanted)


def warped(pixels: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """By the nearest border outside, linear inside."""
    height, width = pixels.shape[:2]
    found = np.zeros_like(pixels)
    for y, x in np.ndindex(height, width):
        down, right = np.clip([y - flow[y, x, 0], x - flow[y, x, 1]], 0, [height - 1, width - 1])
        low, left = min(int(down), height - 2), min(int(right), width - 2)
        for dy, dx in itertools.product((0, 1), repeat=2):
            share = (1 - abs(down - low - dy)) * (1 - abs(right - left - dx))
            found[y, x] += share * pixels[low + dy, left + dx]
    return found


def test_a_flow_moves_each_pixel(graph, run):
    flow = 3 * RANDOM.randn(2, 5, 6, 2)
    made = image.dense_image_warp(IMAGES, flow)
    np.testing.assert_allclose(run(made), [warped(*pair) for pair in zip(IMAGES, flow, strict=True)], atol=1e-9)
    still = image.dense_image_warp(IMAGES, np.zeros_like(flow).astype(np.float32))
    np.testing.assert_allclose(run(still), IMAGES)


def spline(points, values, queries, order, weight=0.0):
    def phi(a, b):
        r = np.linalg.norm(a[:, None] - b[None], axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return r**order if order % 2 else np.nan_to_num(r**order * np.log(r))

    n, d = points.shape
    linear = np.concatenate([points, np.ones([n, 1])], 1)
    system = np.block([[phi(points, points) + weight * np.eye(n), linear], [linear.T, np.zeros([d + 1, d + 1])]])
    solved = np.linalg.solve(system, np.concatenate([values, np.zeros([d + 1, values.shape[1]])]))
    return phi(queries, points) @ solved[:n] + np.concatenate([queries, np.ones([len(queries), 1])], 1) @ solved[n:]


@pytest.mark.parametrize(("order", "weight"), [(1, 0.0), (2, 0.0), (3, 0.1), (4, 0.0)])
def test_splines_solve_their_equations(plain_graph, run, order, weight):
    points, values, queries = RANDOM.randn(2, 7, 2), RANDOM.randn(2, 7, 3), RANDOM.randn(2, 4, 2)
    given = (tf.placeholder_with_default(value, [None, None, value.shape[2]]) for value in (points, values, queries))
    made = image.interpolate_spline(*given, order, weight)
    wanted = [spline(*each, order, weight) for each in zip(points, values, queries, strict=True)]
    np.testing.assert_allclose(run(made), wanted, rtol=1e-3, atol=1e-3)
    if not weight:
        through = image.interpolate_spline(points, values, points, order)
        np.testing.assert_allclose(run(through), values, atol=1e-3)


def test_points_move_and_borders_stay(plain_graph, run):
    source, goal = np.array([[[1.5, 2.0], [3, 4]]] * 2), np.array([[[2.0, 2.5], [3, 3]]] * 2)
    made, flow = image.sparse_image_warp(IMAGES, source, goal, num_boundary_points=2)
    found, moved = run([made, flow])
    border = [point for point in itertools.product((0, 2, 4), (0, 2.5, 5)) if point != (2, 2.5)]
    points = np.concatenate([goal[0], border])
    values = np.concatenate([goal[0] - source[0], np.zeros([8, 2])])
    wanted = spline(points, values, np.array(list(np.ndindex(5, 6)), float), 2).reshape(5, 6, 2)
    np.testing.assert_allclose(moved, [wanted, wanted], atol=1e-6)
    np.testing.assert_allclose(found, [warped(pixels, wanted) for pixels in IMAGES], atol=1e-6)


def test_colours_turn_about_grey(plain_graph, run):
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    luminance, i, q = np.moveaxis(IMAGES @ to_yiq.T, -1, 0)
    angle = np.arctan2(q, i) + 0.4
    size = 1.2 * np.hypot(i, q)
    turned = np.stack([luminance, size * np.cos(angle), size * np.sin(angle)], -1) * 0.9
    wanted = turned @ np.linalg.inv(to_yiq).T
    made = image.adjust_hsv_in_yiq(tf.constant(IMAGES, tf.float32), 0.4, 1.2, 0.9)
    np.testing.assert_allclose(run(made), wanted, atol=1e-5)
    whole = (255 * IMAGES).astype(np.uint8)
    np.testing.assert_array_equal(run(image.adjust_hsv_in_yiq(whole)), whole)


def test_random_colours_stay_between_their_limits(plain_graph, run):
    grey = np.full([1, 1, 3], 0.5, np.float32)
    made = image.random_hsv_in_yiq(grey, 0.2, 0.5, 1.5, 0.8, 1.2, seed=3)
    values = np.array([run(made)[0, 0] for _ in range(20)])
    assert np.ptp(values, 1).max() < 1e-2 and 0.4 <= values.min() < 0.5 < values.max() <= 0.6
    np.testing.assert_allclose(run(image.random_hsv_in_yiq(IMAGES.astype(np.float32))), IMAGES, atol=1e-5)


DISTANCES = np.array([[0.5, 0.1, 0.8], [0.3, 0.2, 0.15], [0.05, 0.6, 0.9], [0.4, 0.7, np.inf]])


@pytest.mark.parametrize(("valid", "most"), [(-1, -1), (2, -1), (-1, 2), (4, 0)])
def test_the_nearest_pairs_are_matched_first(graph, run, valid, most):
    distances = DISTANCES.astype(np.float32)
    rows, columns = run(image.bipartite_match(distances, [valid], most))
    column_of, row_of = np.full(4, -1), np.full(3, -1)
    pairs = sorted(np.ndindex(4, 3), key=lambda pair: DISTANCES[pair])
    for row, column in pairs:
        enough = most >= 0 and (row_of >= 0).sum() >= most
        if column_of[row] < 0 and row_of[column] < 0 and not enough and (valid < 0 or row < valid):
            column_of[row], row_of[column] = column, row
    np.testing.assert_array_equal(rows, column_of)
    np.testing.assert_array_equal(columns, row_of)


def regions(images: np.ndarray) -> np.ndarray:
    found, count = np.zeros(images.shape, int), 0
    for start in np.ndindex(*images.shape):
        if images[start] and not found[start]:
            count += 1
            pending = [start]
            while pending:
                n, y, x = pending.pop()
                inside = 0 <= y < images.shape[1] and 0 <= x < images.shape[2]
                if inside and not found[n, y, x] and images[n, y, x] == images[start]:
                    found[n, y, x] = count
                    pending += [(n, y + 1, x), (n, y - 1, x), (n, y, x + 1), (n, y, x - 1)]
    return found


@pytest.mark.parametrize("dtype", [np.int32, bool, np.float32])
def test_regions_are_counted_over_all_images(graph, run, dtype):
    images = RANDOM.choice([0, 1, 1, 2], [3, 7, 8]).astype(dtype)
    found = run(image.connected_components(tf.placeholder_with_default(images, [None, None, None])))
    np.testing.assert_array_equal(found, regions(images))
    spiral = np.array([[1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]).astype(dtype)
    np.testing.assert_array_equal(run(image.connected_components(spiral)), spiral)


REFUSED = {
    "dtype": (lambda: image.transform(tf.constant([["a"]]), ROWS[0]), TypeError, "images have another dtype"),
    "rank": (lambda: image.rotate(tf.zeros([3]), 1.0), TypeError, "images have another rank"),
    "transforms": (lambda: image.transform(IMAGES, ROWS[None]), TypeError, "`transforms` has another rank"),
    "angles": (lambda: image.rotate(IMAGES, [[1.0]]), TypeError, "`angles` has another rank"),
    "nothing": (image.compose_transforms, ValueError, "no transforms are given"),
    "regions": (lambda: image.connected_components(IMAGES), TypeError, "2 or 3 dimensions"),
    "spline": (
        lambda: image.interpolate_spline(tf.placeholder(tf.float32, [1, 2, None]), [[[1.0]]], [[[1.0]]], 1),
        ValueError,
        "last dimension of `train_points` must be known",
    ),
    "warp": (
        lambda: image.sparse_image_warp(tf.placeholder(tf.float32, [None, 2, 2, 1]), 0.0, 0.0),
        ValueError,
        "shape of the image must be known",
    ),
    "hue": (lambda: image.random_hsv_in_yiq(IMAGES, -1), ValueError, "`max_delta_hue` must not be negative"),
    "limits": (lambda: image.random_hsv_in_yiq(IMAGES, 0, 2, 1), ValueError, "limits of saturation are not possible"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()


STEREO = {"dots_per_inch": 30, "output_image_shape": [200, 60, 1], "output_data_window": [180, 40]}


def stereogram(run, depths, **options):
    return run(image.single_image_random_dot_stereograms(tf.constant(depths), **{**STEREO, **options}))[..., 0]


def period(row, begin, end):
    """How far apart the dots of one colour are in a part of a row."""
    return next(apart for apart in range(20, 50) if (row[begin : end - apart] == row[begin + apart : end]).all())


def test_dots_are_as_far_apart_as_depths_say(plain_graph, run):
    found = stereogram(run, [[0.0, 0.0], [1.0, 1.0]])
    assert found.shape == (60, 200) and found.dtype == np.uint8
    # With the eyes E = 75 pixels apart: (1 - mu z) E / (2 - mu z) for depths z of 0 and 1.
    rows = {3: 38, 4: 38, 23: 38, 24: 30, 43: 30, 44: 38}
    for y, apart in rows.items():
        assert period(found[y], 45, 155) == apart
    assert len(np.unique(found[24])) > 20 and not np.array_equal(found[24], found[25])


def test_two_squares_are_a_point_of_the_far_plane(plain_graph, run):
    found = stereogram(run, [[0.0, 1.0]], number_colors=300)
    black = np.argwhere((found == 0).reshape(60, 200))
    squares = {(y, x) for y in range(48, 56) for begin in (77, 115) for x in range(begin, begin + 8)}
    assert squares <= {tuple(place) for place in black}
    alone = stereogram(run, [[0.0], [1.0]], convergence_dots_size=0)
    assert [period(alone[y], 45, 155) for y in (9, 29, 30, 49, 50)] == [38, 38, 30, 30, 38]  # the data in the middle


def test_what_is_hidden_links_no_dots():
    depths = [0.0] * 100 + [1.0] * 100
    plain, seen = (stereograms.linked(depths, 0.3333, 75, hidden) for hidden in (False, True))
    assert plain != seen and sum(x != to for x, to in enumerate(seen)) < sum(x != to for x, to in enumerate(plain))
    # A point that lies a pixel in front of the edge is behind it for the right eye: no dots are 38 pixels apart there.
    left = 99 - 38 // 2
    assert seen[left] != left + 38
    assert seen[10] == 48 and seen[150] == 180


def test_colors_and_levels(plain_graph, run):
    flat = np.full([3, 3], 0.5, np.float32)
    assert set(np.unique(stereogram(run, flat, number_colors=2))) == {0, 255}
    assert period(stereogram(run, flat, normalize=False)[20], 45, 155) == round(
        (1 - 0.3333 / 2) * 75 / (2 - 0.3333 / 2)
    )
    assert period(stereogram(run, flat, normalize_min=0.0, normalize_max=0.25)[20], 45, 155) == 30  # nearer than near
    assert period(stereogram(run, flat, border_level=1.0)[1], 45, 155) == 30
    assert period(stereogram(run, flat, mu=0.5, eye_separation=2.0)[20], 45, 155) == 30
    colored = image.single_image_random_dot_stereograms(flat, number_colors=300)
    assert colored.shape.as_list() == [768, 1024, 3] and colored.dtype == tf.uint8


def test_stereograms_that_cannot_be_are_refused(plain_graph):
    with pytest.raises(ValueError, match="`depth_values` must be a matrix"):
        image.single_image_random_dot_stereograms(tf.zeros([2, 2, 2]))
    with pytest.raises(ValueError, match=r"`output_data_window` is larger than the picture. Got \(20, 4\)"):
        image.single_image_random_dot_stereograms(
            tf.zeros([2, 2]), output_image_shape=[10, 10, 1], output_data_window=[20, 4]
        )
