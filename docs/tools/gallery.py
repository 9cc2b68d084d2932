"""Draws the pictures of the README and of the gallery from real runs: `python docs/tools/gallery.py`, one minute.

Each picture of the gallery is what a command of tf1bn draws; `forgotten.png` is drawn here. Needs matplotlib and, for
the picture of the audit, Graphviz. Numbers differ in the last digits from machine to machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
PROGRAM = Path(__file__).with_name("late_layers.py")
STEPS, EVERY = 300, 20
COLOURS = {"run": "#0072b2", "forgotten": "#d55e00"}


def main() -> int:
    sys.path.insert(0, str(ROOT))
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        command("run", str(PROGRAM), folder)
        found = command("inspect", f"--checkpoint={work / 'model'}", f"--picture={work / 'inspect.png'}", code=1)
        print(found)
        command("audit", f"--graph={work / 'model.meta'}", "--select=BN002", f"--picture={work / 'audit.svg'}", code=1)
        command("compare", "--models=mlp", "--steps=1000", f"--output_dir={work}", "--noprogress")
        draw_forgotten(work / "forgotten.png")
        for path in sorted(work.glob("*.png")):
            shrink(path, FOLDER / path.name)
        (FOLDER / "audit.svg").write_bytes((work / "audit.svg").read_bytes())
    return 0


def command(*words: str, code: int = 0) -> str:
    """Runs `tf1bn` from this checkout and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tf1bn", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        raise RuntimeError(f"tf1bn {' '.join(words)} ended with {done.returncode}, not {code}:\n{done.stderr[-2000:]}")
    return done.stdout


def shrink(source: Path, target: Path) -> None:
    """Writes a picture with 48 colours, which is a third of the size."""
    from PIL import Image

    with Image.open(source) as picture:
        picture.convert("RGB").quantize(48, dither=Image.Dither.NONE).save(target, optimize=True)


def draw_forgotten(path: Path) -> None:
    """Draws the accuracy of a network whose updates run, and of one whose updates nobody runs, both ways."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, label in (("run", "updates run"), ("forgotten", "updates forgotten")):
        steps, by_batch, by_averages = zip(*accuracies(forget=name == "forgotten"), strict=True)
        style = {"color": COLOURS[name], "label": label, "marker": "o" if name == "run" else "s", "markersize": 4}
        left.plot(steps, by_batch, linewidth=5 if name == "run" else 1.5, **style)
        right.plot(steps, by_averages, linewidth=2, **style)
    left.set_title("what training shows", fontsize=10)
    right.set_title("what the restored model does", fontsize=10)
    left.set_ylabel("accuracy on 300 test images")
    for axes in (left, right):
        axes.set_xlabel("training step")
        axes.set_ylim(0, 1.02)
        axes.axhline(0.1, color="black", linewidth=0.8, linestyle=":")
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    right.annotate("chance", (STEPS, 0.1), ha="right", xytext=(0, 4), textcoords="offset points", fontsize=8)
    right.legend(fontsize=9, loc="center right", frameon=False)
    figure.savefig(path)


def accuracies(forget: bool) -> list[tuple[int, float, float]]:
    """Trains, and returns steps with the accuracy by batch statistics and by the averages."""
    import tensorflow.compat.v1 as tf

    import tf1bn
    from tf1bn import datasets

    digits = datasets.digits.load(size=8)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        images, labels = tf.placeholder(tf.float32, [None, 8, 8, 1]), tf.placeholder(tf.int64, [None])
        shared = tf.make_template("net", network)
        by_batch, by_averages = shared(images, True), shared(images, False)
        loss = tf.losses.sparse_softmax_cross_entropy(labels, by_batch)
        optimizer = tf.train.AdamOptimizer(0.01)
        train_op = optimizer.minimize(loss) if forget else tf1bn.minimize(optimizer, loss)
        found = [
            tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), labels), tf.float32)) for y in (by_batch, by_averages)
        ]
        session.run(tf.global_variables_initializer())
        points = []
        for step, batch in zip(range(STEPS + 1), datasets.batches.batches(digits.train, 60, seed=0), strict=False):
            if step % EVERY == 0:
                points.append((step, *session.run(found, {images: digits.test.images, labels: digits.test.labels})))
            session.run(train_op, {images: batch.images, labels: batch.labels})
    return points


def network(images: Any, is_training: bool) -> Any:
    """Two hidden layers whose updates wait in UPDATE_OPS."""
    import tensorflow.compat.v1 as tf

    import tf1bn

    def normalised(h: Any) -> Any:
        return tf1bn.batch_norm(h, is_training, update_strategy="collection", decay=0.95)

    h = tf.reshape(images, [-1, 64]) * 4.0 + 1.0  # raw features are rarely centred
    for _ in range(2):
        h = tf1bn.dense(h, 64, activation=tf.nn.relu, normalizer=normalised)
    return tf1bn.dense(h, 10)


if __name__ == "__main__":
    import tensorflow.compat.v1 as tf1

    tf1.disable_eager_execution()
    sys.exit(main())
