"""The libraries of TensorFlow 1's time that are tried: what is installed for each, and which program is run."""

from __future__ import annotations

from typing import NamedTuple


class Package(NamedTuple):
    """One library and how it is tried.

    Attributes:
      name: of its distribution.
      version: the last one for TensorFlow 1, or the one that old programs name.
      program: the small training program in `tests/packages/programs`, without its ending.
      serves: names for `--tf1bn_package`.
      needs: other distributions that it imports; they are installed without their own requirements.
      imports: what an import statement is tried with; by default the first of `serves`.
      variables: of the environment in which it runs.
      remedy: what a user can do where it stops, or has to know where it runs.
    """

    name: str
    version: str
    program: str
    serves: tuple[str, ...]
    needs: tuple[str, ...] = ()
    imports: str = ""
    variables: dict[str, str] = {}
    remedy: str = ""

    @property
    def specifiers(self) -> list[str]:
        """What pip is given."""
        return [f"{self.name}=={self.version}", *self.needs]

    @property
    def module(self) -> str:
        """The module whose import is tried."""
        return self.imports or self.serves[0]


PLAIN_PROTOCOL_BUFFERS = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
"""For modules that an old protoc generated, which the fast implementation refuses."""

KERAS_2 = {"TF_USE_LEGACY_KERAS": "1"}
"""For layers and regularizers of Keras in a graph, which Keras 3 does not make."""

PROBABILITY = ("tensorflow-probability==0.25.0", "tf_keras", "cloudpickle", "decorator", "dm-tree")
"""TensorFlow Probability of today, which works in a graph; it is not served, since it is of TensorFlow 2's time."""

SCIKIT = ("scipy", "scikit-learn", "joblib", "threadpoolctl", "cloudpickle", "narwhals")

ROWS: tuple[Package, ...] = (
    Package("tflearn", "0.5.0", "tflearn_digits", ("tflearn",), ("pillow",)),
    Package(
        "tensorlayer",
        "1.11.1",
        "tensorlayer_digits",
        ("tensorlayer",),
        (
            *SCIKIT,
            "scikit-image",
            "imageio",
            "networkx",
            "lazy-loader",
            "tifffile",
            "progressbar2",
            "python-utils",
            "lxml",
        ),
        remedy="`tl.files.save_npz` makes an array of arrays of several shapes, which NumPy refuses from 1.24 on: "
        "`tl.files.save_npz_dict`.",
    ),
    Package(
        "tensorpack",
        "0.11",
        "tensorpack_digits",
        ("tensorpack",),
        ("tabulate", "msgpack", "msgpack-numpy", "pyzmq", "psutil"),
    ),
    Package(
        "edward",
        "1.3.5",
        "edward_normal",
        ("edward", "keras"),
        (*PROBABILITY, "keras==2.0.4", "theano", "scipy"),
        remedy="Edward copies all of `tf.Tensor.OVERLOADABLE_OPERATORS` to its random variables; `!=` is among them "
        "since TensorFlow 1.15, so that each variable is its own parent. Behind that, `ed.copy`, on which all "
        "inference stands, makes an op without inputs, `tf.Operation(node_def, graph, [], ...)`, and hands them in one "
        "by one with `_add_input`; both are gone, since an op of today is made in C++ with all its inputs. That is in "
        "Edward's own code: no name that is served can change it. Its successor is TensorFlow Probability.",
    ),
    Package(
        "dm-sonnet",
        "1.36",
        "sonnet_regression",
        ("sonnet",),
        (*PROBABILITY, "semantic-version", "contextlib2"),
        variables=PLAIN_PROTOCOL_BUFFERS,
        remedy="TensorFlow Probability 0.25; `PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python`, since its generated "
        "modules are of an old protoc.",
    ),
    Package("tensorforce", "0.4.4", "tensorforce_bandit", ("tensorforce",), ("scipy", "gym==0.17.3", "cloudpickle")),
    Package(
        "stable-baselines",
        "2.10.2",
        "stable_baselines_bandit",
        ("stable_baselines",),
        ("gym==0.17.3", "cloudpickle", "joblib", "pandas", "pytz", "opencv-python-headless", "scipy"),
        remedy="Gym 0.17: later ones have no `gym.logger.MIN_LEVEL`, and 0.19 to 0.21 do not build with setuptools "
        "of today.",
    ),
    Package("trfl", "1.2.0", "trfl_q_learning", ("trfl",), PROBABILITY, remedy="TensorFlow Probability 0.25."),
    Package("bert-tensorflow", "1.0.4", "bert_pairs", ("bert",)),
    Package(
        "tensor2tensor",
        "1.15.7",
        "tensor2tensor_reverse",
        ("tensor2tensor", "mesh_tensorflow", "tensorflow_gan", "kfac", "tensorflow_hub", "gin", "dopamine"),
        (
            *PROBABILITY,
            *(
                "mesh-tensorflow",
                "tensorflow-datasets",
                "tensorflow-metadata",
                "tensorflow-gan",
                "tensorflow-hub",
                "kfac",
            ),
            *("gin-config", "sympy", "mpmath", "gym==0.17.3", "scipy", "future", "pypng", "bz2file", "dopamine-rl"),
            *(
                "etils",
                "importlib-resources",
                "promise",
                "toml",
                "dill",
                "googleapis-common-protos",
                "psutil",
                "pyarrow",
            ),
            *("zipp", "fsspec", "simple-parsing", "array-record", "docstring-parser", "immutabledict"),
            *("opencv-python-headless", "tensorboard", "markdown", "werkzeug", "setuptools<81"),
        ),
        imports="tensor2tensor.models.transformer",
        variables=PLAIN_PROTOCOL_BUFFERS,
    ),
    Package(
        "spleeter",
        "2.4.2",
        "spleeter_unet",
        ("spleeter",),
        ("tf_keras", "httpx", "typer", "ffmpeg-python", "future", "pandas", "pytz", "norbert", "scipy", "click"),
        variables=KERAS_2,
        remedy="Keras 2: the package tf_keras and `TF_USE_LEGACY_KERAS=1`. Its averages are those of Keras.",
    ),
    Package(
        "deeplabcut",
        "2.3.9",
        "deeplabcut_pose",
        ("deeplabcut", "imgaug"),
        (
            *(
                *SCIKIT,
                "tf_keras",
                "dlclibrary",
                "filterpy",
                "ruamel.yaml",
                "imgaug",
                "imageio",
                "imageio-ffmpeg",
                "numba",
            ),
            *(
                "llvmlite",
                "networkx",
                "pandas",
                "pytz",
                "scikit-image",
                "lazy-loader",
                "tifffile",
                "statsmodels",
                "patsy",
            ),
            *("tables", "numexpr", "blosc2", "py-cpuinfo", "ndindex", "msgpack", "tensorpack", "tabulate"),
            *("msgpack-numpy", "pyzmq", "psutil", "pyyaml", "opencv-python-headless", "shapely", "huggingface_hub<1"),
            *("filelock", "fsspec"),
        ),
        imports="deeplabcut.pose_estimation_tensorflow.nnets",
        variables=KERAS_2,
        remedy="Keras 2 for its regularizers: the package tf_keras and `TF_USE_LEGACY_KERAS=1`.",
    ),
)
