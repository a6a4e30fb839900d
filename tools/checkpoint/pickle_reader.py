"""Reads a pickle without executing anything that it names.

A pickle is a program for a small stack machine (Python documentation, "pickletools", describes every opcode). The
standard library's loader imports and calls whatever the program names. The machine below cannot import anything. It
builds plain containers, and resolves a global, `module.name`, by these rules:

1. A function that the caller passes in (these rebuild tensors) is called with the arguments in the file.
2. A name in Python's own library that can run, import, read or write something, such as `os.system` or
   `builtins.eval`, is an error: no checkpoint needs one. What checkpoints do hold is exempt (numbers, dates, paths,
   patterns, enums, `argparse.Namespace`, see _INERT and _INERT_MODULES); rule 3 applies to it.
3. Anything else, such as a class of another library, becomes a Placeholder. It keeps its arguments, state and items as
   data. It has no behaviour, so nothing is executed.

A training script may store any number of plain values along with the weights, for example the loss of every step. The
time to read them is proportional to the file's size, and little of them stays in memory: a container keeps its first
MAX_PLAIN plain values (or small dicts and lists of them), and the memo has only the values that the program uses again.
"""

from __future__ import annotations

import contextlib
import io
import pickletools
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .tensor import CheckpointError

# A program of n bytes may make MAX_OBJECTS + n / BYTES_PER_OBJECT objects that are not numbers. Python's pickler takes
# 4 bytes or more for each; a hostile program could take one.
MAX_OBJECTS = 500_000
BYTES_PER_OBJECT = 4
MAX_PLAIN = 65536
MAX_ENTRY = 100  # values in an entry of a history, for example the losses of a step
_MEMO_END = 1 << 32  # numbers in the memo are smaller; they take 4 bytes

# By opcode, the size of its argument in bytes, or one of pickletools' signs for a line or for a size before the bytes.
_SIZES = {ord(opcode.code): opcode.arg.n if opcode.arg else 0 for opcode in pickletools.opcodes}
_COUNTERS = {
    pickletools.TAKEN_FROM_ARGUMENT1: struct.Struct("<B"),
    pickletools.TAKEN_FROM_ARGUMENT4: struct.Struct("<i"),
    pickletools.TAKEN_FROM_ARGUMENT4U: struct.Struct("<I"),
    pickletools.TAKEN_FROM_ARGUMENT8U: struct.Struct("<Q"),
}
_TWO_LINES, _GETS, _GET, _STOP = b"ci", b"ghj", ord("g"), ord(".")

_PYTHON2_LIBRARY = {"__builtin__", "cPickle", "commands", "copy_reg", "exceptions", "popen2", "thread", "urllib2"}
_LIBRARY = (sys.stdlib_module_names | _PYTHON2_LIBRARY) - {"test"}  # often the name of a user's own folder
# Those of the library with modules inside. So `code.models` is not of the library, but of a user's folder `code`.
_PACKAGES = frozenset(
    "asyncio collections compiler concurrent ctypes curses dbm distutils email encodings ensurepip html http idlelib"
    " importlib json lib2to3 logging msilib multiprocessing os pathlib pydoc_data re sqlite3 sysconfig tkinter tomllib"
    " turtledemo unittest urllib venv wsgiref xml xmlrpc zipfile zoneinfo".split()
)
_BUILTINS = (
    "abs all any bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float format"
    " frozenset hash hex int isinstance issubclass iter len list map max memoryview min next object oct ord pow print"
    " property range reversed round set slice sorted staticmethod str sum super tuple type zip"
    " Ellipsis NotImplemented"
)
_OPERATORS = (
    "abs add and_ eq floordiv ge getitem gt iadd invert isub itemgetter le lt matmul mod mul ne neg not_ or_ pos pow"
    " sub truediv xor"
)
# Modules that only compute, and the names of the others that checkpoints hold.
_INERT_MODULES = frozenset(
    "_decimal _pydatetime _pydecimal _strptime argparse array calendar cmath collections.abc configparser dataclasses"
    " datetime decimal enum exceptions fractions ipaddress itertools math ntpath numbers pathlib pathlib._local"
    " posixpath random re re._constants statistics string time typing uuid zoneinfo".split()
)
_INERT = {
    f"{module}.{name}"
    for module, names in {
        "__builtin__": f"{_BUILTINS} basestring long unicode xrange",
        "_codecs": "encode",  # protocol 2 writes bytes with it
        "_collections": "deque defaultdict OrderedDict",
        "_io": "BytesIO StringIO",
        "_operator": _OPERATORS,
        "_random": "Random",
        "abc": "ABC ABCMeta",
        "ast": "literal_eval",
        "builtins": _BUILTINS,
        "collections": "ChainMap Counter OrderedDict UserDict UserList UserString defaultdict deque",
        "contextlib": "nullcontext",
        "copy": "copy deepcopy",
        "copy_reg": "__newobj__ _reconstructor",  # protocols 0 and 1 write objects with it
        "copyreg": "__newobj__ __newobj_ex__ _reconstructor",
        "functools": "cmp_to_key partial partialmethod",  # for example an optimiser saved as a hyper-parameter
        "inspect": "Parameter Signature _empty _ParameterKind",
        "io": "BytesIO StringIO",
        "json": "dumps loads",
        "logging": "Formatter Logger RootLogger getLogger",
        "operator": _OPERATORS,
        "platform": "uname_result",
        "types": "EllipsisType GenericAlias MappingProxyType NoneType NotImplementedType SimpleNamespace UnionType",
    }.items()
    for name in names.split()
}
_OR = ("_operator.or_", "operator.or_")


class Placeholder:
    """Represents a foreign global, or an object made from it; `name` is the global's, for messages.

    An object has the `arguments` of the call that made it, its `state` and its `items`, as they are in the file; they
    are None where the file has none, `arguments` also for the global itself.
    """

    __slots__ = ("arguments", "items", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...] | None = None) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None
        self.items: dict[Any, Any] | None = None


class _Plain(tuple[Any, ...]):
    """A tuple of plain values only."""

    __slots__ = ()


@dataclass(frozen=True)
class _Function:
    name: str
    call: Callable[[tuple[Any, ...]], Any]


Functions = Mapping[str, Callable[[tuple[Any, ...]], Any]]


@dataclass(frozen=True)
class Limits:
    """How many bytes a pickle may have (None: any number), and how many plain values a container keeps."""

    size: int | None = None
    plain: int = MAX_PLAIN


def load(
    data: bytes, begin: int, functions: Functions, persistent: Callable[[Any], Any], limits: Limits = Limits()
) -> tuple[Any, int]:
    """Reads the pickle at `begin` in `data`. Returns its object, and where the pickle ends.

    `functions` maps "module.name" to a function that is called with the tuple of arguments when the program calls that
    global. `persistent` resolves persistent ids. Sets are read as lists and tuples, and dict keys that are not text as
    unique objects: weights use neither, and so no value from a hostile file is hashed.
    Raises CheckpointError if the program is truncated, damaged, hostile or beyond a limit.
    """
    used, end = _survey(data, begin)
    size = end - begin
    if limits.size is not None and size > limits.size:
        raise CheckpointError(f"a pickle of {size} bytes, expected at most {limits.size}")
    machine = _Machine(functions, persistent, used, MAX_OBJECTS + size // BYTES_PER_OBJECT, limits.plain)
    try:
        return machine.run(pickletools.genops(io.BytesIO(data[begin:end]))), end
    except ValueError as error:  # pickletools raises it for anything that it cannot decode
        raise CheckpointError(f"damaged pickle: {error}") from None
    except IndexError:
        raise CheckpointError("damaged pickle: an instruction has no operand") from None


def _survey(data: bytes, at: int) -> tuple[set[int], int]:
    """The numbers of the memo's values that the pickle uses, and its end; that of `data` if the pickle is damaged."""
    used: set[int] = set()
    with contextlib.suppress(KeyError, IndexError, ValueError, struct.error):
        while True:
            code, at = data[at], at + 1
            size = _SIZES[code]
            begin = at
            if size == pickletools.UP_TO_NEWLINE:
                for _ in range(2 if code in _TWO_LINES else 1):
                    at = data.index(b"\n", at) + 1
            elif size < 0:
                counter = _COUNTERS[size]
                at += counter.size + counter.unpack_from(data, at)[0]
            else:
                at += size
            if code in _GETS:
                number = int(data[begin:at]) if code == _GET else int.from_bytes(data[begin:at], "little")
                if not 0 <= number < _MEMO_END:  # a hostile file could choose numbers that collide in the set
                    raise CheckpointError(f"damaged pickle: refers to value {number}")
                used.add(number)
            elif code == _STOP:
                return used, at
            if at < begin:  # a negative size
                break
    return used, len(data)


def kind(value: Any) -> str:
    """The type of a value, for messages."""
    if isinstance(value, tuple):
        return "tuple"
    return value.name if isinstance(value, Placeholder) else type(value).__name__.lstrip("_")


def call(callee: Any, arguments: Any) -> Any:
    """What the program gets from a call: the result of one of `functions`, or a Placeholder."""
    if isinstance(callee, Placeholder):
        return Placeholder(callee.name, arguments if isinstance(arguments, tuple) else ())
    if not isinstance(callee, _Function) or not isinstance(arguments, tuple):
        raise CheckpointError(f"damaged pickle: calls a {kind(callee)}")
    return callee.call(arguments)


def _resolve(module: str, name: str, functions: Functions) -> _Function | Placeholder:
    """Applies the three rules at the top of this file."""
    full = f"{module}.{name}"
    if full in functions:
        return _Function(full, functions[full])
    if full in _CALLED_IN_PICKLES:
        return _Function(full, partial(_CALLED_IN_PICKLES[full], full))
    # Protocol 4 resolves a dotted name attribute by attribute, so torch's "serialization.os.system" is os.system.
    dotted = "." in name and not _LIBRARY.isdisjoint(name.split("."))
    inert = full in _INERT or module in _INERT_MODULES or (module == "builtins" and _is_exception(name))
    package, dot, _ = module.partition(".")
    if dotted or (package in (_PACKAGES if dot else _LIBRARY) and not inert):
        raise _hostile(full)
    return Placeholder(full)


def _is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Warning"))


def _hostile(name: str) -> CheckpointError:
    return CheckpointError(f"possibly hostile pickle: names {name}, which no checkpoint needs; nothing was executed")


def _member(function: str, arguments: tuple[Any, ...]) -> Placeholder:
    """getattr(object, "NAME"): a member of an enum, a method."""
    match arguments:
        case (owner, str(name)) if not isinstance(owner, str):
            return Placeholder(f"{kind(owner)}.{name}", arguments)
    raise _hostile(function)


def _union(function: str, arguments: tuple[Any, ...]) -> Placeholder:
    """functools.reduce(operator.or_, [TYPE, ..]): the type `int | None`."""
    match arguments:
        case (Placeholder(name=name), _) if name in _OR:
            return Placeholder("types.UnionType", arguments)
    raise _hostile(function)


# Functions that pickles call for plain data, and that could do other things.
_CALLED_IN_PICKLES = {
    "__builtin__.getattr": _member,
    "__builtin__.reduce": _union,
    "_functools.reduce": _union,
    "builtins.getattr": _member,
    "functools.reduce": _union,
}


def _is_plain(value: Any) -> bool:
    """Whether a value can hold no tensor. An empty Placeholder is a scalar of NumPy, a date, an enum."""
    if isinstance(value, Placeholder):
        return value.state is None and value.items is None
    return value is None or isinstance(value, (int, float, str, bytes, bytearray, _Plain))


def _tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    items = tuple(items)
    return _Plain(items) if all(map(_is_plain, items)) else items


class _Machine:
    """The stack machine: one method per opcode, named `op_` and pickletools' name for it."""

    # NUMBERS and TEXTS push the value in the instruction itself (None for NONE), CONTAINERS a new container.
    NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "NONE"}
    TEXTS = {
        "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
        "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    }  # fmt: skip
    CONTAINERS = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_TUPLE": _Plain}

    def __init__(
        self,
        functions: Functions,
        persistent: Callable[[Any], Any],
        used_again: set[int],
        most_objects: int,
        most_plain: int,
    ) -> None:
        self.functions = functions
        self.persistent = persistent
        self.used_again = used_again
        self.most_objects = self.objects_left = most_objects
        self.most_plain = most_plain
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the values under each open MARK; `stack` holds those above the last
        self.memo: dict[int, Any] = {}
        self.memoized = 0
        self.referred: set[int] = set()  # the identities of what is in the memo

    def run(self, program: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]]) -> Any:
        """Executes the instructions; returns the object that they leave."""
        operations = {name[3:].upper(): getattr(self, name) for name in dir(self) if name.startswith("op_")}
        operations |= dict.fromkeys(self.TEXTS, self.push)
        for opcode, argument, _ in program:
            name = opcode.name
            if name in self.NUMBERS:
                self.stack.append(argument)
            elif name in operations:
                operations[name](argument)
            elif name in self.CONTAINERS:
                self.push(self.CONTAINERS[name]())
            else:
                raise CheckpointError(f"pickle opcode {name}, which no checkpoint needs")
        return self.stack.pop()

    def push(self, value: Any) -> None:
        """Pushes a new object. Raises CheckpointError if there are too many."""
        self.count()
        self.stack.append(value)

    def count(self) -> None:
        self.objects_left -= 1
        if self.objects_left < 0:
            raise CheckpointError(f"a pickle of more than {self.most_objects} objects, too many for its size")

    def is_droppable(self, value: Any) -> bool:
        """Whether a value is plain, or a small container of plain values that the memo does not refer to."""
        if isinstance(value, (dict, list)) and len(value) <= MAX_ENTRY and id(value) not in self.referred:
            return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
        return _is_plain(value)

    def fill(self, target: Any, items: list[Any]) -> None:
        """Sets pairs of (key, value) in a dict or a Placeholder."""
        if isinstance(target, Placeholder):
            target.items = {} if target.items is None else target.items
            target = target.items
        if not isinstance(target, dict):
            raise CheckpointError(f"damaged pickle: sets items in a {kind(target)}")
        if len(items) % 2 != 0:
            raise CheckpointError("damaged pickle: a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if len(target) < self.most_plain or not self.is_droppable(value):
                target[key if isinstance(key, str) else object()] = value

    def extend(self, target: Any, items: list[Any]) -> None:
        """Appends to a list; a Placeholder ignores the items."""
        if isinstance(target, list):
            full = len(target) >= self.most_plain
            target.extend([item for item in items if not self.is_droppable(item)] if full else items)
        elif not isinstance(target, Placeholder):
            raise CheckpointError(f"damaged pickle: appends to a {kind(target)}")

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
        self.push(items)

    def op_tuple(self, _: None) -> None:
        items = self.pop_mark()
        self.push(_tuple(items))

    op_frozenset = op_tuple

    def op_dict(self, _: None) -> None:
        items = self.pop_mark()
        self.push({})
        self.fill(self.stack[-1], items)

    def op_tuple1(self, _: None) -> None:
        self.push(_tuple((self.stack.pop(),)))

    def op_tuple2(self, _: None) -> None:
        second, first = self.stack.pop(), self.stack.pop()
        self.push(_tuple((first, second)))

    def op_tuple3(self, _: None) -> None:
        third, second, first = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.push(_tuple((first, second, third)))

    def op_append(self, _: None) -> None:
        item = self.stack.pop()
        self.extend(self.stack[-1], [item])

    def op_appends(self, _: None) -> None:
        items = self.pop_mark()
        self.extend(self.stack[-1], items)

    op_additems = op_appends

    def op_setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.fill(self.stack[-1], [key, value])

    def op_setitems(self, _: None) -> None:
        items = self.pop_mark()
        self.fill(self.stack[-1], items)

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
        value = self.stack[-1]
        if index in self.used_again:
            self.count()
            self.memo[index] = value
            self.referred.add(id(value))

    op_binput = op_long_binput = op_put

    def op_memoize(self, _: None) -> None:
        self.op_put(self.memoized)
        self.memoized += 1

    def op_get(self, index: int) -> None:
        if index not in self.memo:
            raise CheckpointError("damaged pickle: refers to a value that is not defined")
        self.stack.append(self.memo[index])

    op_binget = op_long_binget = op_get

    # Globals and what is made of them

    def op_global(self, module_and_name: str) -> None:
        module, _, name = module_and_name.partition(" ")
        self.push(_resolve(module, name, self.functions))

    def op_stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise CheckpointError("damaged pickle: a global whose name is not text")
        self.push(_resolve(module, name, self.functions))

    def op_reduce(self, _: None) -> None:
        arguments, callee = self.stack.pop(), self.stack.pop()
        self.push(call(callee, arguments))

    op_newobj = op_reduce

    def op_newobj_ex(self, _: None) -> None:
        self.stack.pop()  # keyword arguments, which none of `functions` takes
        self.op_reduce(None)

    def op_inst(self, module_and_name: str) -> None:
        arguments = self.pop_mark()
        self.op_global(module_and_name)
        self.push(call(self.stack.pop(), tuple(arguments)))

    def op_obj(self, _: None) -> None:
        callee, *arguments = self.pop_mark() or [None]
        self.push(call(callee, tuple(arguments)))

    def op_build(self, _: None) -> None:
        state = self.stack.pop()  # attributes, such as the version numbers of a state dict, are not weights
        if isinstance(self.stack[-1], Placeholder):
            self.stack[-1].state = state

    def op_persid(self, identity: str) -> None:
        self.push(self.persistent(identity))

    def op_binpersid(self, _: None) -> None:
        self.push(self.persistent(self.stack.pop()))
