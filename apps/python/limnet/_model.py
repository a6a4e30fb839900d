"""A network and its weights."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _engine
from ._convert import safetensors_of
from ._errors import InputError, UsageError
from ._library import LIBRARY, Shape, Size, Step, call
from ._watch import Progress, observer_of, raising, watch_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensor: TypeAlias = "NDArray[np.float32]"


def _free(handle: ctypes.c_void_p, free: Callable[[ctypes.c_void_p], None], generation: int) -> None:
    """Frees an object of limn, but not one that was made before a fork: its engine belongs to the parent."""
    if generation == _engine.generation():
        free(handle)


def _all(function: Any, handle: ctypes.c_void_p) -> Iterator[Any]:
    """What function(handle, 0), function(handle, 1) .. return, up to NULL."""
    return itertools.takewhile(bool, (function(handle, index) for index in itertools.count()))


def _row(step: Step) -> dict[str, Any]:
    """A limn_step as a dict: texts are str, shapes are tuples (n, c, h, w)."""
    values = {name: getattr(step, name) for name, *_ in Step._fields_}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return value.tuple()
    return value.decode() if isinstance(value, bytes) else value


class _Owner:
    """Holds an object of limn, and frees it when nothing refers to the owner any more. `keep` must live as long.

    Nothing is freed when the process ends, because other threads may still use it.
    """

    def __init__(self, handle: ctypes.c_void_p, free: Callable[[ctypes.c_void_p], None], keep: object) -> None:
        self.handle = handle
        self.generation = _engine.generation()
        self.keep = keep
        weakref.finalize(self, _free, handle, free, self.generation).atexit = False


class Session(_Owner):
    """A planned run of a model at one size. One thread at a time may use it."""

    def __init__(self, model: _Owner, size: tuple[int, int, int]) -> None:
        made = ctypes.c_void_p()
        call(LIBRARY.limn_session_create, model.handle, Size(*size), ctypes.byref(made))
        super().__init__(made, LIBRARY.limn_session_free, model)
        self.size = size

    def set_inputs(self, inputs: tuple[Tensor, ...], names: list[str]) -> None:
        if len(inputs) != len(names):
            raise InputError(f"{len(inputs)} inputs, expected {len(names)}: {', '.join(names)}")
        for index, (x, name) in enumerate(zip(inputs, names, strict=True)):
            shape: Shape = LIBRARY.limn_session_input_shape(self.handle, index)
            if x.shape != shape.tuple():
                raise InputError(f"input {name}: shape {x.shape}, expected {shape.tuple()}")
            call(LIBRARY.limn_session_set_input, self.handle, index, x.ctypes.data)

    def run(self, progress: Progress | None, observe: Callable[[Any], object] | None) -> None:
        caught: list[BaseException] = []
        watch, observer = watch_of(progress, caught), observer_of(observe, caught)
        LIBRARY.limn_session_set_watch(self.handle, None if watch is None else ctypes.byref(watch))
        LIBRARY.limn_session_set_observer(self.handle, None if observer is None else ctypes.byref(observer))
        raising(caught, LIBRARY.limn_session_run, self.handle)

    def steps(self) -> list[dict[str, Any]]:
        return [_row(step.contents) for step in _all(LIBRARY.limn_session_step, self.handle)]

    def output(self) -> Tensor:
        shape: Shape = LIBRARY.limn_session_output_shape(self.handle)
        y = np.empty(shape.tuple(), np.float32)
        call(LIBRARY.limn_session_get_output, self.handle, y.ctypes.data)
        return y


class Model:
    """A network and its weights, loaded once and used for any number of images, by any number of threads.

    Parameters
    ----------
    weights
        A path of a safetensors file, or a name such as "enhancenet": weights that this package holds, or that
        `limnet.fetch` has downloaded, or in the folder $LIMN_WEIGHTS. Or the bytes of a safetensors file.

    Raises
    ------
    WeightsError
        They were not found, are damaged, or belong to no network that limn knows.

    Notes
    -----
    A model can be pickled: it is loaded again from the same place. After a fork it loads itself when it is used.

    Examples
    --------
    >>> import limnet, numpy as np
    >>> model = limnet.Model("enhancenet")
    >>> model.name
    'enhancenet'
    >>> model.run(np.zeros((1, 3, 32, 32), np.float32)).shape
    (1, 3, 128, 128)
    """

    def __init__(self, weights: str | os.PathLike[str] | bytes) -> None:
        self._weights = weights if isinstance(weights, bytes) else os.fspath(weights)
        self._owner: _Owner | None = None
        self._lock = threading.Lock()
        self._idle: list[Session] = []  # under the lock
        self._loaded()

    @classmethod
    def from_state_dict(cls, state_dict: Mapping[str, Any], model: str | None = None) -> Model:
        """A model of the weights in a state dict, without a file.

        Parameters
        ----------
        state_dict
            Arrays or PyTorch tensors by name. The network may be below a prefix such as "module."; its names and
            shapes tell which of limn's seven networks it is. Widths, depths and numbers of classes are free.
        model
            Fails unless it is this network: "unet", for example.

        Raises
        ------
        WeightsError
            It is no network that limn knows; the text lists the tensors that are missing or of another shape.
        """
        return cls(safetensors_of(state_dict, model))

    @classmethod
    def from_torch(cls, module: Any, model: str | None = None) -> Model:
        """A model of the weights of a PyTorch module; see `from_state_dict`. limn evaluates as module.eval() does."""
        return cls.from_state_dict(module.state_dict(), model)

    def __reduce__(self) -> tuple[type[Model], tuple[str | bytes]]:
        return (type(self), (self._weights,))

    def __repr__(self) -> str:
        source = "bytes" if isinstance(self._weights, bytes) else repr(self._weights)
        return f"<limnet.Model {self.name} from {source}>"

    def _loaded(self) -> _Owner:
        """The limn_model, loaded again in a forked process."""
        with _engine.models_lock():
            if self._owner is None or self._owner.generation != _engine.generation():
                self._lock = threading.Lock()  # a thread of the parent may have held it
                self._idle = []
                self._owner = self._load()
            return self._owner

    def _load(self) -> _Owner:
        made = ctypes.c_void_p()
        engine = _engine.engine()
        if isinstance(self._weights, bytes):
            arguments = (self._weights, len(self._weights), b"the state dict")
            call(LIBRARY.limn_model_load_bytes, engine, *arguments, ctypes.byref(made))
        else:
            call(LIBRARY.limn_model_load, engine, os.fsencode(self._weights), ctypes.byref(made))
        return _Owner(made, LIBRARY.limn_model_free, self._weights)  # bytes are borrowed

    @property
    def handle(self) -> ctypes.c_void_p:
        """The limn_model, for functions of limn.h. Valid as long as this object, in this process."""
        return self._loaded().handle

    @property
    def name(self) -> str:
        """The network: "enhancenet", for example."""
        text: bytes = LIBRARY.limn_model_name(self.handle)
        return text.decode()

    @property
    def warning(self) -> str | None:
        """A line about weights that are NaN or infinite, or None. Complete after the first run."""
        text: bytes | None = LIBRARY.limn_model_warning(self.handle)
        return None if text is None else text.decode(errors="replace")

    def metadata(self, key: str) -> str | None:
        """The value of a metadata key of the weights, such as "limn.licence"; None if there is none."""
        text: bytes | None = LIBRARY.limn_model_metadata(self.handle, key.encode())
        return None if text is None else text.decode(errors="replace")

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs, in the order in which `run` takes them."""
        return [name.decode() for name in _all(LIBRARY.limn_model_input_name, self.handle)]

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes, in order of execution. Operations that are fused into a node are not listed."""
        return [name.decode() for name in _all(LIBRARY.limn_model_node_name, self.handle)]

    # ---- running ------------------------------------------------------------------------

    @contextmanager
    def _session(self, inputs: tuple[NDArray[Any], ...]) -> Iterator[Session]:
        """A session of the inputs' size, with the inputs in it. Those of the last size are kept for the next run."""
        tensors = tuple(np.ascontiguousarray(x, np.float32) for x in inputs)
        if not tensors or tensors[0].ndim != 4:
            raise InputError(f"shapes {[x.shape for x in tensors]}, expected N x C x H x W of {', '.join(self.inputs)}")
        n, _, h, w = tensors[0].shape
        session = self._taken((n, h, w))
        try:
            session.set_inputs(tensors, self.inputs)
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _taken(self, size: tuple[int, int, int]) -> Session:
        owner = self._loaded()
        with self._lock:
            self._idle = [session for session in self._idle if session.size == size]
            if self._idle:
                return self._idle.pop()
        return Session(owner, size)

    def run(self, *inputs: NDArray[Any], progress: Progress | None = None) -> Tensor:
        """Runs the network on tensors.

        Parameters
        ----------
        inputs
            N x C x H x W of float32, in the order of the property `inputs`. Other types are converted. See Notes.
        progress
            Called with the part that is done, 0 to 1, before each layer; returning False ends the run with
            `Cancelled`.

        Returns
        -------
        The output, N x C x H x W of float32.

        Raises
        ------
        InputError
            The number or the shape of the inputs is not what the network takes.
        WeightsError, MemoryLimitError, Cancelled

        Notes
        -----
        deeplabv3: R G B / 255, less (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225). unet, enhancenet:
        0 to 1. eccv16: L of CIELAB. siggraph17: L; a and b at hints, else 0; 1 at hints, else 0. vae: grey of
        -1 to 1, 64 x 64, and a latent vector. dcgan: noise, N x nz x 1 x 1.
        """
        with self._session(inputs) as session:
            session.run(progress, None)
            return session.output()

    def values(self, *inputs: NDArray[Any], nodes: list[str] | None = None) -> dict[str, Tensor]:
        """The values of nodes in a run: feature maps by the node's name, N x C x H x W.

        Parameters
        ----------
        inputs
            As for `run`.
        nodes
            Names from `nodes`. Default: all.

        Examples
        --------
        >>> import limnet, numpy as np
        >>> model = limnet.Model("enhancenet")
        >>> first = model.nodes[0]
        >>> list(model.values(np.zeros((1, 3, 16, 16), np.float32), nodes=[first])) == [first]
        True
        """
        known = self.nodes
        unknown = [name for name in nodes or [] if name not in known]
        if unknown:
            raise UsageError(f"{unknown[0]}: no such node; expected one of {', '.join(known)}")
        chosen = set(known if nodes is None else nodes)
        found: dict[str, Tensor] = {}

        def observe(pointer: Any) -> None:
            value = pointer.contents
            name = value.node.decode()
            if name in chosen:
                found[name] = np.empty(value.shape.tuple(), np.float32)
                LIBRARY.limn_value_get(pointer, found[name].ctypes.data)

        with self._session(inputs) as session:
            session.run(None, observe)
        return found

    # ---- explaining and measuring -------------------------------------------------------

    def explain(self, height: int = 0, width: int = 0, batch: int = 1) -> dict[str, Any]:
        """How the network would run at a size, without running it: what `limn explain --json` prints.

        Height or width 0 is the usual one of the network. "nodes" and "steps" are lists of dicts, so that
        `pandas.DataFrame(model.explain()["steps"])` is a table.
        """
        text = ctypes.c_void_p()
        call(LIBRARY.limn_model_explain, self.handle, Size(batch, height, width), ctypes.byref(text))
        try:
            explanation: dict[str, Any] = json.loads(ctypes.string_at(text))
            return explanation
        finally:
            LIBRARY.limn_text_free(text)

    def times(self, *inputs: NDArray[Any], repeats: int = 5) -> list[dict[str, Any]]:
        """The time of each step of a run, as rows for a table, in order of execution.

        Parameters
        ----------
        inputs
            As for `run`. Default: zeros of the usual size.
        repeats
            Runs, after one that is not counted; `seconds` is the least time of the step in them.

        Returns
        -------
        A dict for each step: node, op, kernel, choice (why this kernel), input and output (n, c, h, w),
        flops, weight_bytes, scratch_bytes, seconds. limn.h describes them (limn_step).
        """
        with self._session(inputs or self._zeros()) as session:
            session.run(None, None)
            rows: list[dict[str, Any]] = []
            for _ in range(repeats):
                session.run(None, None)
                measured = session.steps()
                for row, before in zip(measured, rows, strict=False):  # no rows before the first run
                    row["seconds"] = min(row["seconds"], before["seconds"])
                rows = measured
        return rows

    def _zeros(self) -> tuple[Tensor, ...]:
        """Inputs of the usual size. A session of this size tells their shapes; it is kept for the run."""
        usual: Size = LIBRARY.limn_model_usual_size(self.handle)
        session = self._taken((usual.batch, usual.height, usual.width))
        shapes = [LIBRARY.limn_session_input_shape(session.handle, index) for index in range(len(self.inputs))]
        with self._lock:
            self._idle.append(session)
        return tuple(np.zeros(shape.tuple(), np.float32) for shape in shapes)
