"""A folder for a model, and the settings of a process in which its graphs are made."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
import tensorflow.compat.v1 as tf


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "model")


@pytest.fixture(params=["v1", "graph-only"])
def setting(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of variables and of control flow of a process, for the graphs that an Estimator makes."""
    before = tf.control_flow_v2_enabled(), tf.resource_variables_enabled()
    switch(*([request.param == "graph-only"] * 2))
    yield request.param
    switch(*before)


def switch(control_flow: bool, resource: bool) -> None:
    (tf.enable_control_flow_v2 if control_flow else tf.disable_control_flow_v2)()
    (tf.enable_resource_variables if resource else tf.disable_resource_variables)()
