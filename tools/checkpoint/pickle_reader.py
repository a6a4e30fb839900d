"""Reads a pickle without executing anything that it names.

A pickle is a program for a small stack machine (Python documentation, "pickletools", describes every opcode). The
standard library's loader imports and calls whatever the program names. The machine below cannot import anything. It
builds plain containers, and resolves a global, `module.name`, by these rules:

1. A function that the caller passes in (these rebuild tensors and record numbers) is called with the arguments in the
   file.
2. Any other name in Python's own library is an error: it includes `os.system` and `builtins.eval`, and no checkpoint
   needs it. Plain data classes that training scripts do save (`argparse.Namespace`, paths, dates) are exempt; rule 3
   applies to them.
3. Anything else, such as a class of another library, becomes a Placeholder. It ignores every argument, state and item
   that it is given. It has no behaviour, so nothing is executed.
"""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from .tensor import CheckpointError

# Limits a program to about a second and to this many objects. The pickle of DeepLabV3 with its optimiser state needs a
# ninth of it.
MAX_INSTRUCTIONS = 500_000

_PYTHON2_LIBRARY = {"__builtin__", "cPickle", "commands", "copy_reg", "exceptions", "popen2", "thread", "urllib2"}
_LIBRARY = sys.stdlib_module_names | _PYTHON2_LIBRARY
_PATHS = "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath"
_BUILTINS = "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple"
_DATA_CLASSES = {
    f"{module}.{name}"
    for module, names in {
        "__builtin__": f"{_BUILTINS} long unicode xrange",
        "_codecs": "encode",  # protocol 2 writes bytes with it
        "argparse": "Namespace",
        "builtins": _BUILTINS,
        "collections": "Counter OrderedDict defaultdict deque",
        "copy_reg": "_reconstructor",  # protocols 0 and 1 write objects with it
        "copyreg": "_reconstructor",
        "datetime": "date datetime time timedelta timezone",
        "decimal": "Decimal",
        "fractions": "Fraction",
        "functools": "partial",  # for example an optimiser saved as a hyper-parameter
        "pathlib": _PATHS,
        "pathlib._local": _PATHS,  # its name in Python 3.13
        "types": "SimpleNamespace",
        "uuid": "UUID",
    }.items()
    for name in names.split()
}


class Placeholder:
    """Represents a foreign global and everything made from it; `name` is the global's, for messages."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Record(Placeholder):
    """A Placeholder that also keeps the arguments and the state in the file, as data."""

    __slots__ = ("arguments", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        super().__init__(name)
        self.arguments = arguments
        self.state: Any = None


@dataclass(frozen=True)
class _Function:
    name: str
    call: Callable[[tuple[Any, ...]], Any]


Functions = Mapping[str, Callable[[tuple[Any, ...]], Any]]


def load(stream: BinaryIO, functions: Functions, persistent: Callable[[Any], Any], most: int | None = None) -> Any:
    """Reads the pickle at the stream's position and returns its object; the stream ends just after the pickle.

    `functions` maps "module.name" to a function that is called with the tuple of arguments when the program calls that
    global. `persistent` resolves persistent ids. Sets are read as lists and tuples, and dict keys that are not text as
    unique objects: weights use neither, and so no value from a hostile file is hashed.
    Raises CheckpointError if the program is truncated, damaged or hostile, or has more than `most` instructions
    (default: MAX_INSTRUCTIONS).
    """
    most = MAX_INSTRUCTIONS if most is None else most
    machine = _Machine(functions, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count == most:
                raise CheckpointError(f"a pickle of more than {most} instructions")
            machine.step(opcode.name, argument)
    except ValueError as error:  # pickletools raises it for anything that it cannot decode
        raise CheckpointError(f"damaged pickle: {error}") from None
    except IndexError:
        raise CheckpointError("damaged pickle: an instruction has no operand") from None
    return machine.stack.pop()


def kind(value: Any) -> str:
    """The type of a value, for messages."""
    return value.name if isinstance(value, Placeholder) else type(value).__name__.lstrip("_")


def _resolve(module: str, name: str, functions: Functions) -> _Function | Placeholder:
    """Applies the three rules at the top of this file."""
    full = f"{module}.{name}"
    if full in functions:
        return _Function(full, functions[full])
    # Protocol 4 resolves a dotted name attribute by attribute, so torch's "serialization.os.system" is os.system.
    inside = set(name.split(".")) if "." in name else set()
    if full not in _DATA_CLASSES and (module.partition(".")[0] in _LIBRARY or inside & _LIBRARY):
        raise CheckpointError(f"possibly hostile pickle: names {full}, which no checkpoint needs; nothing was executed")
    return Placeholder(full)


def _key(value: Any) -> Any:
    return value if isinstance(value, str) else Placeholder("a key")


def _fill(target: Any, items: list[Any]) -> None:
    """Sets pairs of (key, value) in a dict; a Placeholder ignores them."""
    if isinstance(target, dict):
        if len(items) % 2 != 0:
            raise CheckpointError("damaged pickle: a key without a value")
        target.update((_key(items[i]), items[i + 1]) for i in range(0, len(items), 2))
    elif not isinstance(target, Placeholder):
        raise CheckpointError(f"damaged pickle: sets items in a {kind(target)}")


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Placeholder):
        raise CheckpointError(f"damaged pickle: appends to a {kind(target)}")


def _call(callee: Any, arguments: Any) -> Any:
    if isinstance(callee, Placeholder):
        return Placeholder(callee.name)
    if not isinstance(callee, _Function) or not isinstance(arguments, tuple):
        raise CheckpointError(f"damaged pickle: calls a {kind(callee)}")
    return callee.call(arguments)


class _Machine:
    """The stack machine: one method per opcode, named `op_` and pickletools' name for it."""

    # CONSTANTS push the value in the instruction itself (None for NONE), CONTAINERS a new container.
    CONSTANTS = {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
        "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
        "BINBYTES8", "BYTEARRAY8", "NONE",
    }  # fmt: skip
    CONTAINERS = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_TUPLE": tuple}

    def __init__(self, functions: Functions, persistent: Callable[[Any], Any]) -> None:
        self.functions = functions
        self.persistent = persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the values under each open MARK; `stack` holds those above the last
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in self.CONSTANTS:
            self.stack.append(argument)
        elif name in self.CONTAINERS:
            self.stack.append(self.CONTAINERS[name]())
        else:
            operation = getattr(self, "op_" + name.lower(), None)
            if operation is None:
                raise CheckpointError(f"pickle opcode {name}, which no checkpoint needs")
            operation(argument)

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def op_proto(self, _: int) -> None:
        pass  # an opcode means the same in every protocol; frames only help a reader to buffer

    op_frame = op_proto

    def op_stop(self, _: None) -> None:
        self.stack[-1]  # the result; IndexError if there is none

    # Constants and containers

    def op_newtrue(self, _: None) -> None:
        self.stack.append(True)

    def op_newfalse(self, _: None) -> None:
        self.stack.append(False)

    def op_list(self, _: None) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def op_tuple(self, _: None) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    op_frozenset = op_tuple

    def op_dict(self, _: None) -> None:
        items = self.pop_mark()
        self.stack.append({})
        _fill(self.stack[-1], items)

    def op_tuple1(self, _: None) -> None:
        self.stack.append((self.stack.pop(),))

    def op_tuple2(self, _: None) -> None:
        second, first = self.stack.pop(), self.stack.pop()
        self.stack.append((first, second))

    def op_tuple3(self, _: None) -> None:
        third, second, first = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.stack.append((first, second, third))

    def op_append(self, _: None) -> None:
        item = self.stack.pop()
        _extend(self.stack[-1], [item])

    def op_appends(self, _: None) -> None:
        items = self.pop_mark()
        _extend(self.stack[-1], items)

    op_additems = op_appends

    def op_setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _fill(self.stack[-1], [key, value])

    def op_setitems(self, _: None) -> None:
        items = self.pop_mark()
        _fill(self.stack[-1], items)

    # The stack itself, and the memo: values that the program reuses by number

    def op_mark(self, _: None) -> None:
        self.below.append(self.stack)
        self.stack = []

    def op_pop(self, _: None) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def op_pop_mark(self, _: None) -> None:
        self.pop_mark()

    def op_dup(self, _: None) -> None:
        self.stack.append(self.stack[-1])

    def op_put(self, index: int) -> None:
        # Picklers count from 0. A hostile file could choose numbers that collide in the dict.
        if not 0 <= index < MAX_INSTRUCTIONS:
            raise CheckpointError(f"damaged pickle: a memo of more than {MAX_INSTRUCTIONS} values")
        self.memo[index] = self.stack[-1]

    op_binput = op_long_binput = op_put

    def op_memoize(self, _: None) -> None:
        self.op_put(len(self.memo))

    def op_get(self, index: int) -> None:
        if index not in self.memo:
            raise CheckpointError("damaged pickle: refers to a value that is not defined")
        self.stack.append(self.memo[index])

    op_binget = op_long_binget = op_get

    # Globals and what is made of them

    def op_global(self, module_and_name: str) -> None:
        module, _, name = module_and_name.partition(" ")
        self.stack.append(_resolve(module, name, self.functions))

    def op_stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise CheckpointError("damaged pickle: a global whose name is not text")
        self.stack.append(_resolve(module, name, self.functions))

    def op_reduce(self, _: None) -> None:
        arguments, callee = self.stack.pop(), self.stack.pop()
        self.stack.append(_call(callee, arguments))

    op_newobj = op_reduce

    def op_newobj_ex(self, _: None) -> None:
        self.stack.pop()  # keyword arguments, which none of `functions` takes
        self.op_reduce(None)

    def op_inst(self, module_and_name: str) -> None:
        arguments = self.pop_mark()
        self.op_global(module_and_name)
        self.stack.append(_call(self.stack.pop(), tuple(arguments)))

    def op_obj(self, _: None) -> None:
        callee, *arguments = self.pop_mark() or [None]
        self.stack.append(_call(callee, tuple(arguments)))

    def op_build(self, _: None) -> None:
        state = self.stack.pop()  # attributes, such as the version numbers of a state dict, are not weights
        if isinstance(self.stack[-1], Record):
            self.stack[-1].state = state

    def op_persid(self, identity: str) -> None:
        self.stack.append(self.persistent(identity))

    def op_binpersid(self, _: None) -> None:
        self.stack.append(self.persistent(self.stack.pop()))
