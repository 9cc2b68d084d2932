"""Draws how each update strategy hangs in a graph, as SVG: `python docs/tools/strategy_graphs.py`.

The graphs are real: a network is built under each strategy, its ops are put into boxes by what they are for, and an
edge is drawn where the graph has one. gamma and beta are left out, and ops that no box is for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 120, 46, 142, 84, 14
COLOURS = {"data": "#5f6b7a", "control": "#c2410c", "moves": "#0f62a8", "listed": "#7c6f64"}
DASHES = {"control": "7 4", "listed": "2 4"}
MEANINGS = {
    "data": "a value goes in",
    "control": "must run first (control dependency)",
    "moves": "writes the averages",
    "listed": "is an entry of the collection",
}


class Box(NamedTuple):
    """What one box of the picture stands for.

    Attributes:
      column: place from the left.
      row: place from the top.
      lines: what stands in it.
      fill: its colour.
    """

    column: int
    row: int
    lines: tuple[str, ...]
    fill: str = "#eef2f7"


BOXES = {
    "x": Box(0, 0, ("batch x",)),
    "moments": Box(1, 0, ("mean, variance", "of the batch")),
    "normalised": Box(2, 0, ("(x - mean) / s", "* gamma + beta")),
    "output": Box(3, 0, ("output of", "the layer")),
    "loss": Box(4, 0, ("loss",)),
    "gradients": Box(5, 0, ("gradients",)),
    "train_op": Box(6, 0, ("train_op",), "#dcefdc"),
    "update": Box(1, 1, ("update",), "#fde8d7"),
    "UPDATE_OPS": Box(3, 1, ("collection", "UPDATE_OPS"), "#f6f1e7"),
    "averages": Box(1, 2, ("moving_mean", "moving_variance"), "#d9e8f7"),
    "shadows": Box(2, 2, ("their Exponen-", "tialMovingAverage"), "#d9e8f7"),
    "images": Box(0, 3, ("row to classify",)),
    "inference": Box(1, 3, ("normalised by", "the averages")),
    "answer": Box(2, 3, ("inference",), "#dcefdc"),
}


class Case(NamedTuple):
    """One picture.

    Attributes:
      strategy: the update strategy.
      title: what stands above.
      minimize: makes the train op of an optimizer and a loss.
    """

    strategy: str
    title: str
    minimize: Callable[[Any, Any], Any]


def cases() -> dict[str, Case]:
    """Returns the pictures by file name."""
    import tf1bn

    def plain(optimizer: Any, loss: Any) -> Any:
        return optimizer.minimize(loss)

    return {
        "strategy_inline": Case("inline", '"inline": the output waits for the update', plain),
        "strategy_collection": Case("collection", '"collection", with tf1bn.minimize(optimizer, loss)', tf1bn.minimize),
        "strategy_forgotten": Case("collection", '"collection", with optimizer.minimize(loss) alone', plain),
        "strategy_ema": Case("ema", '"ema": an ExponentialMovingAverage keeps them', plain),
    }


def graph_edges(case: Case) -> set[tuple[str, str, str]]:
    """Builds the network of a case and returns its edges between boxes: from, to, and of which kind."""
    import tensorflow.compat.v1 as tf

    import tf1bn

    with tf.Graph().as_default() as graph:
        with tf.name_scope("training"):
            x = tf.placeholder(tf.float32, [None, 4], "x")
            y = tf1bn.batch_norm(x, True, update_strategy=case.strategy, scope="bn", kernel="plain")
            loss = tf.reduce_mean(tf.square(y), name="loss")
        train_op = case.minimize(tf.train.GradientDescentOptimizer(0.1), loss)
        with tf.name_scope("inference"):
            images = tf.placeholder(tf.float32, [None, 4], "images")
            tf.identity(
                tf1bn.batch_norm(images, False, update_strategy=case.strategy, scope="bn", reuse=True), "answer"
            )
        listed = {getattr(item, "op", item) for item in tf.get_collection(tf.GraphKeys.UPDATE_OPS)}
        moments = _computed_for(graph, "training/bn/update")
        box_of = {op: _box(op, moments, train_op, y.op) for op in graph.get_operations()}
    found = set(_between(graph, box_of))
    for op in listed:
        found.add((box_of[op], "UPDATE_OPS", "listed"))
        if (box_of[op], "train_op", "control") in found:
            found -= {(box_of[op], "train_op", "control")}
            found.add(("UPDATE_OPS", "train_op", "control"))
    return found


def _computed_for(graph: Any, scope: str) -> set[Any]:
    """Returns the ops of a scope and all that they are computed from."""
    pending = [op for op in graph.get_operations() if op.name.startswith(scope)]
    seen: set[Any] = set()
    while pending:
        op = pending.pop()
        if op not in seen:
            seen.add(op)
            pending += [tensor.op for tensor in op.inputs]
    return seen


def _box(op: Any, of_moments: set[Any], train_op: Any, output: Any) -> str:
    """Returns the box that an op belongs to; empty for none."""
    name = op.name
    if op is train_op:
        return "train_op"
    if name in ("training/x", "inference/images", "inference/answer"):
        return name.rpartition("/")[2]
    if "ExponentialMovingAverage" in name or name.startswith(("bn/moving_mean", "bn/moving_variance")):
        return ("shadows" if "Exponential" in name else "averages") if op.type == "VarHandleOp" else ""
    if name.startswith("training/bn/update"):
        return "update"
    if op is output:
        return "output"
    if name.startswith("training/bn"):
        return "moments" if op in of_moments else "normalised"
    if name.startswith("inference"):
        return "inference"
    if name.startswith("training"):
        return "loss"
    return "gradients" if name.startswith(("gradients", "GradientDescent")) else ""


def _between(graph: Any, box_of: dict[Any, str]) -> list[tuple[str, str, str]]:
    found = []
    for op in graph.get_operations():
        here = box_of[op]
        for kind, others in (("data", [tensor.op for tensor in op.inputs]), ("control", op.control_inputs)):
            for other in others:
                there = box_of[other]
                if not here or not there or here == there:
                    continue
                if here == "update" and there in ("averages", "shadows"):
                    found.append((here, there, "moves"))  # the variable goes in, so that it can be written
                else:
                    kept = "data" if there == "gradients" else kind  # a step waits for the gradients that it applies
                    found.append((there, here, kept))
    # Gradients read what the forward pass computed, and the loss is all that matters here.
    # A train op that fetches the loss, too, needs it for the gradients anyway.
    edges = [edge for edge in found if edge[1] != "gradients" or edge[0] == "loss"]
    edges = [edge for edge in edges if edge[:2] != ("loss", "train_op")]
    with_values = {edge[:2] for edge in edges if edge[2] == "data"}
    return [edge for edge in edges if edge[2] != "control" or edge[:2] not in with_values]


def svg(case: Case, edges: set[tuple[str, str, str]]) -> str:
    """Returns the picture of a graph's edges."""
    used = {name for edge in edges for name in edge[:2]}
    boxes = {name: box for name, box in BOXES.items() if name in used}
    if "output" not in boxes:  # nothing stands between the arithmetic and what uses it
        boxes["normalised"] = boxes["normalised"]._replace(lines=(*BOXES["normalised"].lines, "= output"))
    width = 6 * ACROSS + WIDTH + 2 * MARGIN
    height = 3 * DOWN + HEIGHT + 2 * MARGIN + 56
    label = _safe(case.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"',
        f'  aria-label="{label}">',
        '<g font-family="Helvetica, Arial, sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="{MARGIN + 12}" font-size="16" font-weight="bold">{label}</text>',
        *(_marker(kind) for kind in COLOURS),
        *(_edge(boxes, *edge) for edge in sorted(edges)),
        *(_drawn(box) for box in boxes.values()),
        *_legend({edge[2] for edge in edges}, height),
    ]
    if ("UPDATE_OPS", "train_op", "control") not in edges and "UPDATE_OPS" in boxes:
        x, y = _corner(boxes["UPDATE_OPS"])
        parts.append(f'<text x="{x + WIDTH + 12}" y="{y + 27}" fill="#b00020">nobody runs it</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _corner(box: Box) -> tuple[int, int]:
    return MARGIN + box.column * ACROSS, MARGIN + 28 + box.row * DOWN


def _drawn(box: Box) -> str:
    x, y = _corner(box)
    lines = len(box.lines)
    middle, first = x + WIDTH // 2, y + HEIGHT // 2 + 5 - round((lines - 1) * 8)
    texts = [
        f'<text x="{middle}" y="{first + 16 * n}" text-anchor="middle">{_safe(line)}</text>'
        for n, line in enumerate(box.lines)
    ]
    tall = HEIGHT + 12 * (lines > 2)
    place = f'x="{x}" y="{y - (tall - HEIGHT) // 2}" width="{WIDTH}" height="{tall}" rx="6"'
    return f'<rect {place} fill="{box.fill}" stroke="#9aa5b1"/>' + "".join(texts)


def _edge(boxes: dict[str, Box], start: str, end: str, kind: str) -> str:
    """Returns an edge: straight where the boxes are neighbours, else along its row and then up."""
    (x0, y0), (x1, y1) = _corner(boxes[start]), _corner(boxes[end])
    middle0, middle1 = (x0 + WIDTH // 2, y0 + HEIGHT // 2), (x1 + WIDTH // 2, y1 + HEIGHT // 2)
    if y0 == y1:
        path = f"M{x0 + WIDTH} {middle0[1]} L{x1 - 2} {middle1[1]}"
    elif x0 == x1:
        path = f"M{middle0[0]} {y0 + HEIGHT} L{middle1[0]} {y1 - 2}"
    elif y1 < y0:
        path = f"M{x0 + WIDTH} {middle0[1]} L{middle1[0]} {middle0[1]} L{middle1[0]} {y1 + HEIGHT + 2}"
    else:
        path = (
            f"M{middle0[0] + (20 if x1 > x0 else -20)} {y0 + HEIGHT} L{middle1[0] + (-20 if x1 > x0 else 20)} {y1 - 2}"
        )
    dash = f' stroke-dasharray="{DASHES[kind]}"' if kind in DASHES else ""
    wide = 1.6 if kind == "data" else 2.2
    return (
        f'<path d="{path}" fill="none" stroke="{COLOURS[kind]}" stroke-width="{wide}"{dash} marker-end="url(#{kind})"/>'
    )


def _marker(kind: str) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path d="M0 0 L10 5 L0 10 z" fill="{COLOURS[kind]}"/></marker>'
    )


def _legend(kinds: set[str], height: int) -> list[str]:
    parts, x, y = [], MARGIN, height - 16
    for kind in (kind for kind in COLOURS if kind in kinds):
        dash = f' stroke-dasharray="{DASHES[kind]}"' if kind in DASHES else ""
        parts.append(f'<path d="M{x} {y - 4} h34" stroke="{COLOURS[kind]}" stroke-width="2.2"{dash}/>')
        parts.append(f'<text x="{x + 42}" y="{y}">{MEANINGS[kind]}</text>')
        x += 66 + round(7.2 * len(MEANINGS[kind]))
    return parts


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def main() -> int:
    import tensorflow.compat.v1 as tf

    tf.disable_eager_execution()
    FOLDER.mkdir(exist_ok=True)
    for name, case in cases().items():
        (FOLDER / f"{name}.svg").write_text(svg(case, graph_edges(case)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
