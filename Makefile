# Every target makes the virtual environment that it needs; a second run installs nothing.
#
#   PYTHON       interpreter that the environment is made with           make test PYTHON=python3.12
#   TF_VERSION   TensorFlow release, in an environment of its own        make test TF_VERSION=2.18
#   PYTEST_ARGS  more arguments for pytest                               make test PYTEST_ARGS="-k layout -x"
#   ONEDNN       0 or 1: TensorFlow without or with oneDNN               make test ONEDNN=0
#   RELEASE_ARGS more arguments for the check of a release               make release-check RELEASE_ARGS=--only=docs
#   PACKAGES_ARGS more arguments for the trial of old libraries        make test-packages PACKAGES_ARGS=--only=trfl
#   DEMO_ARGS    more arguments for the demo
#   BENCH_ARGS   more arguments for the benchmark                        make bench-step BENCH_ARGS=--shapes=64x28x28x8

PYTHON ?= python3
TF_VERSION ?=
PYTEST_ARGS ?=
ONEDNN ?=
PACKAGES_ARGS ?=
DEMO_ARGS ?=
RELEASE_ARGS ?=
BENCH_ARGS ?=
VENV ?= .venv$(if $(TF_VERSION),-tf$(subst .,,$(TF_VERSION)))

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TENSORFLOW := $(if $(TF_VERSION),"tensorflow==$(TF_VERSION).*")

COMMA := ,

# Stamps. The first carries the interpreter's name, so that another PYTHON makes the environment anew.
MADE := $(VENV)/.made-with-$(subst /,-,$(PYTHON))
RUNS := $(VENV)/.installed-demo
TESTS := $(VENV)/.installed-test

# The originals that the facades stand for, in an environment of their own.
PEERS_VENV := .venv-peers
PEERS := $(PEERS_VENV)/.installed-peers

# Tests and demo are small: they run on the processor and keep TensorFlow's start-up notes quiet.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export CUDA_VISIBLE_DEVICES ?=

# By itself TensorFlow turns oneDNN on or off by the kind of processor.
ifneq ($(ONEDNN),)
export TF_ENABLE_ONEDNN_OPTS := $(ONEDNN)
endif

# Beside the peers, the kernel of the optional op library, which is built first where it is missing. With oneDNN on and
# off side by side: make bench-native BENCH_ARGS=--onednn=on,off
NATIVE_BENCHES := step network inference graph_build

# TensorFlow 1.15 itself, in a process of its own beside the facade.
ORIGINAL_VENV := .venv-tf115
ORIGINAL := $(ORIGINAL_VENV)/.installed-original

# PyTorch, safetensors and ONNX beside TensorFlow, each at the version that the tests were written with.
CONVERT_VENV := .venv-convert
CONVERT := $(CONVERT_VENV)/.installed-convert
TORCH ?= torch==2.13.0

# Other runtimes and converters beside TensorFlow, each at the version that docs/runtimes.md speaks of.
RUNTIMES_VENV := .venv-runtimes
RUNTIMES := $(RUNTIMES_VENV)/.installed-runtimes

# The converter to TensorFlow.js wants an older TensorFlow than the others, and Node.js runs what it makes.
TFJS_VENV := .venv-tfjs
TFJS := $(TFJS_VENV)/.installed-tfjs

# Libraries that programs have beside tf1bn, each at the version that docs/neighbours.md speaks of.
NEIGHBOURS_VENV := .venv-neighbours
NEIGHBOURS := $(NEIGHBOURS_VENV)/.installed-neighbours
HOROVOD_VENV := .venv-horovod
HOROVOD := $(HOROVOD_VENV)/.installed-horovod

# The release that comes: whatever is newest on the day the environment is made.
NIGHTLY_VENV := .venv-nightly
NIGHTLY := $(NIGHTLY_VENV)/.installed-nightly
NIGHTLY_TESTS ?= tests/core tests/strategies tests/layers tests/graph tests/compat tests/checkpoint tests/export tests/machine tests/native

# The site, in an environment that holds no TensorFlow: sources are read, not imported.
DOCS_VENV := .venv-docs
DOCS := $(DOCS_VENV)/.installed-docs
SITE := build/site

BENCHES := bench-step bench-network bench-inference bench-graph_build bench-import_time

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-slow test-exhaustive test-tf215 test-peers test-original test-convert test-runtimes test-packages test-neighbours test-horovod test-nightly bench $(BENCHES) bench-native wheel-native
.PHONY: python-tf215 python-tf115 lint docs release-check clean
.NOTPARALLEL:

help:
	@echo "make demo         install into $(VENV) and run the demo"
	@echo "make test         install into $(VENV) and run the tests"
	@echo "make test-fast    run a few tests of every package, between two edits; a minute"
	@echo "make test-slow    run the tests that take long, which make test leaves out"
	@echo "make test-exhaustive  run whole matrices (kinds x strategies x graph modes), of which the others run a part; an hour"
	@echo "make test-tf215   run the tests on TensorFlow 2.15, in .venv-tf215"
	@echo "make test-peers   run the facades beside the originals (tf_keras, tf_slim), in $(PEERS_VENV)"
	@echo "make test-original  run the facades beside TensorFlow 1.15 itself, in $(ORIGINAL_VENV); needs Python 3.7"
	@echo "make test-convert run the conversions to PyTorch, Keras 3 and ONNX, in $(CONVERT_VENV)"
	@echo "make test-runtimes  run exported graphs in ONNX Runtime, OpenVINO, OpenCV, LiteRT, TensorFlow.js and others, in $(RUNTIMES_VENV)"
	@echo "make test-packages  install libraries of TensorFlow 1's time, train with each, and write the table of docs/packages.md; half an hour"
	@echo "make test-neighbours  run tf1bn beside tensorpack, lingvo, Sonnet, Keras 3, SHAP, TensorBoard and others, in $(NEIGHBOURS_VENV)"
	@echo "make test-horovod  run two ranks of Horovod, which is built first, in $(HOROVOD_VENV); wants a C++ compiler and CMake"
	@echo "make test-nightly  run the core of the tests on the newest tf-nightly, in $(NIGHTLY_VENV)"
	@echo "make bench        time tf1bn beside the originals, in $(PEERS_VENV); takes half an hour; one part: make bench-step"
	@echo "make bench-native  time the kernel of the optional op library, too (docs/native.md)"
	@echo "make wheel-native  make a wheel of this machine with the op library in it, in dist"
	@echo "make docs         build the site of the documentation into $(SITE), in $(DOCS_VENV); needs no network but for that environment"
	@echo "make release-check  say what a release still lacks; takes ten minutes"
	@echo "make lint         check style (ruff) and types (mypy)"
	@echo "make clean        remove the environments, caches and build products"
	@echo "Variables: PYTHON=$(PYTHON) TF_VERSION=$(TF_VERSION) PYTEST_ARGS=$(PYTEST_ARGS) DEMO_ARGS=$(DEMO_ARGS) BENCH_ARGS=$(BENCH_ARGS) ONEDNN=$(ONEDNN)"

demo: $(RUNS)
	$(BIN)/python scripts/demo.py $(DEMO_ARGS)

# Test files run side by side, on at most four cores: each process holds a TensorFlow of its own.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# What an importing thread or a session leaves behind is given back, and not kept apart for each thread.
export MALLOC_ARENA_MAX ?= 2

test: $(TESTS)
	$(PYTEST) -m "not slow and not exhaustive" $(PYTEST_ARGS)

test-fast: $(TESTS)
	$(PYTEST) -m "not slow and not exhaustive" $$(grep -v "^#" tests/fast.txt) $(PYTEST_ARGS)

test-slow: $(TESTS)
	$(PYTEST) -m slow $(PYTEST_ARGS)

test-exhaustive: $(TESTS)
	$(PYTEST) -m exhaustive $(PYTEST_ARGS)

# TensorFlow 2.15 has no wheels for Python 3.12 and newer.
test-tf215:
	@python="$$($(MAKE) --silent --no-print-directory python-tf215)" || exit 1; \
	$(MAKE) --no-print-directory test TF_VERSION=2.15 PYTHON="$$python"

# tf_slim's own requirements stop short of this TensorFlow, so it comes without them.
test-peers: $(PEERS)
	TF_USE_LEGACY_KERAS=1 $(PEERS_VENV)/bin/python -m pytest tests/peers $(PYTEST_ARGS)

$(PEERS): setup.py pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(PEERS_VENV) TF_VERSION=2.21 $(PEERS_VENV)/.installed-test
	@$(PEERS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install "tf_keras==2.21.*" && \
	  $(PEERS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps tf_slim || { \
	  echo "make: the originals could not be installed; tests/peers needs tf_keras 2.21 and tf_slim." >&2; exit 1; }
	@touch $@

test-original: $(TESTS) $(ORIGINAL)
	TF1BN_ORIGINAL=$(ORIGINAL_VENV)/bin/python $(BIN)/python -m pytest tests/original $(PYTEST_ARGS)

# TensorFlow 1.15 has no wheels for Python 3.8 and newer; protobuf and NumPy are those of its time.
$(ORIGINAL):
	@python="$$($(MAKE) --silent --no-print-directory python-tf115)" || exit 1; \
	"$$python" -m venv --clear $(ORIGINAL_VENV) && \
	$(ORIGINAL_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  "tensorflow==1.15.5" "protobuf==3.20.3" "numpy==1.18.5" || { \
	  echo "make: TensorFlow 1.15 could not be installed; tests/original needs it." >&2; exit 1; }
	@touch $@

test-convert: $(CONVERT)
	$(CONVERT_VENV)/bin/python -m pytest tests/convert $(PYTEST_ARGS)

# `torch` may bring gigabytes for graphics processors. The build for processors only is enough: PyTorch's own site names
# the index for it, which pip takes from its settings, as PIP_EXTRA_INDEX_URL.
$(CONVERT): setup.py pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(CONVERT_VENV) TF_VERSION=2.21 $(CONVERT_VENV)/.installed-test
	@$(CONVERT_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  $(TORCH) safetensors==0.8.0 onnx==1.23.2 onnxruntime==1.32.0 tf2onnx==1.17.0 || { \
	  echo "make: PyTorch, safetensors or ONNX could not be installed; tests/convert needs them." >&2; exit 1; }
	@touch $@

# With CI=true OpenVINO sends no statistics when it is imported.
test-runtimes: export CI = true
test-runtimes: $(RUNTIMES) $(TFJS)
	TF1BN_TFJS=$(TFJS_VENV) $(RUNTIMES_VENV)/bin/python -m pytest tests/runtimes tests/portability $(PYTEST_ARGS)

$(RUNTIMES): setup.py pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(RUNTIMES_VENV) TF_VERSION=2.21 $(RUNTIMES_VENV)/.installed-test
	@$(RUNTIMES_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
	  ai-edge-litert==2.3.0 coremltools==9.0 apache-tvm==0.27.0.post1 || { \
	  echo "make: a runtime could not be installed; tests/runtimes needs those that this file names." >&2; exit 1; }
	@touch $@

# Each version is given, since those that pip finds by itself do not import: the newest ydf wants another protobuf than
# TensorFlow 2.19, for which the decision forests were built, which the converter imports. Python 3.13 has no wheels.
$(TFJS):
	@python="$$($(MAKE) --silent --no-print-directory python-tf215)" || exit 1; \
	"$$python" -m venv --clear $(TFJS_VENV) && \
	$(TFJS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  tensorflowjs==4.22.0 tensorflow==2.19.0 tensorflow-decision-forests==1.12.0 tf_keras==2.19.0 ydf==0.11.0 \
	  jax==0.10.2 flax==0.12.8 protobuf==5.29.6 "setuptools<81" && \
	if command -v npm >/dev/null; then \
	  npm install --silent --no-audit --no-fund --prefix $(TFJS_VENV)/node @tensorflow/tfjs@4.22.0; \
	fi || { \
	  echo "make: the converter to TensorFlow.js could not be installed; tests/runtimes needs it, and Node.js." >&2; exit 1; }
	@touch $@

# Each library in an environment of its own, below a temporary folder, in front of the packages of this one.
test-packages: $(TESTS)
	$(BIN)/python scripts/packages/try_packages.py --write $(PACKAGES_ARGS)

# lingvo names a hundred packages that its batch norm does not need, so it comes without them.
test-neighbours: $(NEIGHBOURS)
	TF1BN_NEIGHBOURS=1 $(NEIGHBOURS_VENV)/bin/python -m pytest tests/neighbours $(PYTEST_ARGS)

$(NEIGHBOURS): setup.py pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(NEIGHBOURS_VENV) TF_VERSION=2.21 $(NEIGHBOURS_VENV)/.installed-test
	@$(NEIGHBOURS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  keras==3.15.1 tensorboard==2.21.0 tensorpack==0.11 dm-sonnet==2.0.2 sympy==1.14.0 sentencepiece==0.2.1 matplotlib \
	  shap==0.51.0 tensorflow-probability==0.25.0 tf_keras==2.21.0 && \
	$(NEIGHBOURS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	  lingvo==0.14.2 model-pruning-google-research==0.0.5 graph-compression-google-research==0.0.4 \
	  tensorflow-serving-api==2.21.0 || { \
	  echo "make: a neighbour could not be installed; tests/neighbours needs those that this file names." >&2; exit 1; }
	@touch $@

test-horovod: $(HOROVOD)
	$(HOROVOD_VENV)/bin/python -m pytest tests/neighbours/test_horovod.py $(PYTEST_ARGS)

# Horovod is built against the TensorFlow that is installed, by one job. Newer setuptools lack what its setup.py imports.
$(HOROVOD): setup.py pyproject.toml
	@python="$$($(MAKE) --silent --no-print-directory python-tf215)" || exit 1; \
	$(MAKE) --no-print-directory VENV=$(HOROVOD_VENV) TF_VERSION=2.15 PYTHON="$$python" $(HOROVOD_VENV)/.installed-test
	@$(HOROVOD_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  "setuptools<81" wheel packaging cloudpickle psutil pyyaml cffi && \
	PATH="$(CURDIR)/$(HOROVOD_VENV)/bin:$$PATH" MAKEFLAGS=-j1 HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 \
	  HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 $(HOROVOD_VENV)/bin/python -m pip --disable-pip-version-check \
	  --quiet install --no-build-isolation --no-deps horovod==0.28.1 || { \
	  echo "make: Horovod could not be built; it wants a C++ compiler, CMake and TensorFlow 2.15." >&2; exit 1; }
	@touch $@

# First the names that it lacks, in seconds; then the tests.
test-nightly: $(NIGHTLY)
	$(NIGHTLY_VENV)/bin/python -m tf1bn doctor --names
	$(NIGHTLY_VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	  -m "not slow and not exhaustive" $(NIGHTLY_TESTS) $(PYTEST_ARGS)

$(NIGHTLY): export TF1BN_TENSORFLOW = tf-nightly
$(NIGHTLY): setup.py pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(NIGHTLY_VENV) TF_VERSION= $(NIGHTLY_VENV)/.installed-test
	@touch $@

# tensorpack takes part where it has been installed into this environment.
bench: $(BENCHES)
	$(PEERS_VENV)/bin/python scripts/benchmark.py --suite=network --intra_op_threads=1 $(BENCH_ARGS)

$(BENCHES): bench-%: $(PEERS)
	$(PEERS_VENV)/bin/python scripts/benchmark.py --suite=$* $(BENCH_ARGS)

bench-native: $(PEERS)
	$(PEERS_VENV)/bin/python -m tf1bn.native build
	@for suite in $(NATIVE_BENCHES); do \
	  $(PEERS_VENV)/bin/python scripts/benchmark.py --suite=$$suite --kernels=native $(BENCH_ARGS) || exit 1; \
	done

# A wheel of this system and machine with the op library in it, so that who installs it needs no compiler.
wheel-native: $(RUNS)
	$(PIP) install "setuptools>=70.1" wheel
	$(BIN)/python -m tf1bn.native build --cache_dir=tf1bn/native/prebuilt
	TF1BN_WHEEL_NATIVE=1 $(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	rm -rf tf1bn/native/prebuilt
	@ls dist/*.whl

# Prints the first interpreter that TensorFlow 2.15 has wheels for. Each is run, because a name on PATH may be a shim.
python-tf215:
	@for python in "$(PYTHON)" python3.11 python3.10 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[01].*/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' >/dev/null 2>&1; then \
	    echo "$$python"; exit 0; \
	  fi; \
	done; \
	echo "make: TensorFlow 2.15 needs Python 3.10 or 3.11 and none was found." >&2; \
	echo "Install one, or name it: make test-tf215 PYTHON=/path/to/python3.11" >&2; exit 1

lint: $(TESTS)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

# Strict: a link that leads nowhere, or a docstring that cannot be shown, fails. offline.py looks for what a browser
# would fetch from elsewhere.
docs: $(DOCS)
	rm -rf $(SITE)
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --quiet --strict --site-dir $(SITE)
	$(DOCS_VENV)/bin/python docs/tools/offline.py $(SITE)
	@echo "$(SITE)/index.html opens as it is; for the search: $(DOCS_VENV)/bin/python -m http.server --directory $(SITE)"

# The same interpreter as for the tests, and none of the package's own requirements.
$(DOCS): setup.py
	@$(MAKE) --no-print-directory VENV=$(DOCS_VENV) $(DOCS_VENV)/.made-with-$(subst /,-,$(PYTHON))
	@$(DOCS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install $$($(PYTHON) docs/tools/requirements.py) || { \
	  echo "make: MkDocs and its plugins could not be installed; setup.py names them under docs." >&2; exit 1; }
	@touch $@

release-check: $(TESTS) $(DOCS)
	$(BIN)/python scripts/release/check.py $(RELEASE_ARGS)

# Where the interpreter lacks ensurepip (some systems package it apart), pip is copied in by the outer pip.
$(MADE):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "make: tf1bn needs Python 3.10 or newer and '$(PYTHON)' is not. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if ls $(VENV)/.made-with* >/dev/null 2>&1; then clear=--clear; else clear=; fi; \
	if "$(PYTHON)" -c 'import ensurepip' >/dev/null 2>&1; then \
	  "$(PYTHON)" -m venv $$clear $(VENV); \
	else \
	  "$(PYTHON)" -m venv $$clear --without-pip $(VENV) && \
	  "$(PYTHON)" -m pip install --quiet --target \
	    "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" pip; \
	fi || { \
	  echo "make: '$(PYTHON)' cannot make a virtual environment with pip in it." >&2; \
	  echo "Install its venv package (for example: apt install python3-venv) or name another: make PYTHON=..." >&2; \
	  exit 1; }
	@touch $@

# The compiler for other architectures is large, and one environment of a machine is enough.
$(RUNS): EXTRAS = plots,progress
$(TESTS): EXTRAS = test$(if $(TF_VERSION),,$(COMMA)cross)
$(RUNS) $(TESTS): $(MADE) setup.py pyproject.toml
	@echo "Installing tf1bn[$(EXTRAS)] into $(VENV); the first time takes a few minutes."
	@$(PIP) install --editable ".[$(EXTRAS)]" $(TENSORFLOW) || { \
	  echo "make: the installation failed. TensorFlow has wheels for some Pythons only; $(PYTHON) is" >&2; \
	  "$(PYTHON)" --version >&2; echo "Another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@touch $@

# Prints the first interpreter that TensorFlow 1.15 has wheels for.
python-tf115:
	@for python in python3.7 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.7.*/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 7))' >/dev/null 2>&1; then \
	    echo "$$python"; exit 0; \
	  fi; \
	done; \
	echo "make: TensorFlow 1.15 needs Python 3.7, which was not found." >&2; exit 1

clean:
	rm -rf .venv .venv-tf* .venv-peers .venv-convert .venv-runtimes .venv-neighbours .venv-horovod .venv-nightly $(DOCS_VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
