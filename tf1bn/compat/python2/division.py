"""``/`` as Python 2 knew it: whole numbers are divided downwards.

Sources: the Python 2.7 reference, section 5.6, and PEP 238; for tensors, the operators of TensorFlow 1.15 there,
where ``/`` of whole tensors is ``tf.floor_div``.
"""

from __future__ import annotations

import ast
import operator
import sys
from typing import Any

DIVIDE, IN_PLACE = "__tf1bn_divide__", "__tf1bn_divide_in_place__"
ATTRIBUTE, ITEM = "__tf1bn_divide_attribute__", "__tf1bn_divide_item__"


def as_python_2(tree: Any) -> Any:
    """Returns a syntax tree in which calls of this module's functions stand for ``/`` and ``/=``."""
    return ast.fix_missing_locations(_Divisions().visit(tree))


def divide(a: Any, b: Any) -> Any:
    """Returns ``a / b``: downwards if both are whole, numbers or arrays or tensors; by a class's own ``__div__``."""
    if type(a) is float or type(b) is float:
        return a / b
    own = _by_own_method(a, b)
    if own is not NotImplemented:
        return own
    return a // b if _whole(a) and _whole(b) else a / b


def divide_in_place(a: Any, b: Any) -> Any:
    """Returns what ``a /= b`` leaves in ``a``; an array stays the same array."""
    if hasattr(type(a), "__idiv__"):
        return type(a).__idiv__(a, b)
    numpy = sys.modules.get("numpy")  # not imported here: `tf1bn run --help` answers without it
    if numpy is not None and isinstance(a, numpy.ndarray):
        return operator.ifloordiv(a, b) if _whole(a) and _whole(b) else operator.itruediv(a, b)
    return divide(a, b)


def divide_attribute(owner: Any, name: str, b: Any) -> None:
    """Does ``owner.name /= b``."""
    setattr(owner, name, divide_in_place(getattr(owner, name), b))


def divide_item(owner: Any, key: Any, b: Any) -> None:
    """Does ``owner[key] /= b``."""
    owner[key] = divide_in_place(owner[key], b)


NAMES: dict[str, Any] = {DIVIDE: divide, IN_PLACE: divide_in_place, ATTRIBUTE: divide_attribute, ITEM: divide_item}


def _by_own_method(a: Any, b: Any) -> Any:
    for of, other, method in ((a, b, "__div__"), (b, a, "__rdiv__")):
        function = getattr(type(of), method, None)
        if function is not None and not _tensor(of):
            found = function(of, other)
            if found is not NotImplemented:
                return found
    return NotImplemented


def _tensor(value: Any) -> bool:
    """Whether a value has a dtype of TensorFlow; its own ``__div__`` is as old as its Python, not as the program."""
    return hasattr(getattr(value, "dtype", None), "is_integer")


def _whole(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return isinstance(value, int)
    numpy = sys.modules.get("numpy")
    if _tensor(value) or numpy is None or not isinstance(value, numpy.ndarray | numpy.generic):
        return bool(getattr(dtype, "is_integer", False))  # a table of pandas is divided as today, and was then
    return dtype.kind in "iub"


class _Divisions(ast.NodeTransformer):
    def __init__(self) -> None:
        self._classes: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._classes.append(node.name)
        try:
            return self.generic_visit(node)
        finally:
            self._classes.pop()

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _call(node, DIVIDE, node.left, node.right) if isinstance(node.op, ast.Div) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        target = node.target
        if isinstance(target, ast.Name):
            value = _call(node, IN_PLACE, ast.Name(target.id, ast.Load()), node.value)
            return ast.copy_location(ast.Assign([target], value), node)
        if isinstance(target, ast.Attribute):
            done = _call(node, ATTRIBUTE, target.value, ast.Constant(self._mangled(target.attr)), node.value)
        else:
            done = _call(node, ITEM, target.value, _key(target.slice), node.value)
        return ast.copy_location(ast.Expr(done), node)

    def _mangled(self, name: str) -> str:
        """Returns the name that an attribute of a class's own has outside of it."""
        if not self._classes or not name.startswith("__") or name.endswith("__"):
            return name
        return f"_{self._classes[-1].lstrip('_')}{name}"


def _call(node: ast.AST, name: str, *arguments: ast.expr) -> ast.Call:
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), node)


def _key(key: ast.expr) -> ast.expr:
    """Returns what stands between brackets as an expression of its own: ``a:b`` becomes ``slice(a, b, None)``."""
    if isinstance(key, ast.Tuple):
        return ast.Tuple([_key(part) for part in key.elts], ast.Load())
    if isinstance(key, ast.Slice):
        parts = [part or ast.Constant(None) for part in (key.lower, key.upper, key.step)]
        return ast.Call(ast.Name("slice", ast.Load()), parts, [])
    return key
