"""limn.h through ctypes: the structs, the functions with their types, and failures as exceptions.

Read limn.h for what each of them means. ctypes releases the interpreter's lock (GIL) during every call.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, Structure, c_bool, c_char, c_char_p, c_double, c_int, c_int64, c_size_t, c_ubyte, c_void_p
from pathlib import Path
from types import GeneratorType
from typing import Any

from ._errors import BY_STATUS, LimnError

_NAMES = {"win32": "limn.dll", "darwin": "liblimn.dylib"}


def _path() -> str:
    """The library in this folder, or the one that LIMNET_LIBRARY names, to try another build of limn."""
    return os.environ.get("LIMNET_LIBRARY") or str(Path(__file__).parent / _NAMES.get(sys.platform, "liblimn.so"))


class Error(Structure):
    _fields_ = [("status", c_int), ("reason", c_int), ("message", c_char * 1024)]


class Options(Structure):
    _fields_ = [
        ("threads", c_int),
        ("isa", c_char_p),
        ("kernels", c_int),
        ("precision", c_int),
        ("memory_limit", c_size_t),
    ]


class Size(Structure):
    _fields_ = [("batch", c_int64), ("height", c_int64), ("width", c_int64)]


class Shape(Structure):
    _fields_ = [("n", c_int64), ("c", c_int64), ("h", c_int64), ("w", c_int64)]

    def tuple(self) -> tuple[int, int, int, int]:
        return (self.n, self.c, self.h, self.w)


class Picture(Structure):
    _fields_ = [
        ("pixels", c_void_p),
        ("width", c_int64),
        ("height", c_int64),
        ("channels", c_int),
        ("stride", c_int64),
    ]


class Class(Structure):
    _fields_ = [("name", c_char * 64), ("red", c_ubyte), ("green", c_ubyte), ("blue", c_ubyte)]


class SegmentOptions(Structure):
    _fields_ = [("resize", c_int64), ("scale", c_double), ("threshold", c_double)]


class HintC(Structure):
    _fields_ = [
        ("x", c_int64),
        ("y", c_int64),
        ("radius", c_int64),
        ("red", c_ubyte),
        ("green", c_ubyte),
        ("blue", c_ubyte),
    ]


class ColorizeOptions(Structure):
    _fields_ = [
        ("hints", POINTER(HintC)),
        ("hint_count", c_size_t),
        ("seed", POINTER(ctypes.c_uint64)),
        ("saturation", c_double),
        ("temperature", c_double),
        ("network_size", c_int64),
        ("spread", c_int),
    ]


class GenerateOptions(Structure):
    _fields_ = [("seed", ctypes.c_uint64), ("fixed_range", c_bool)]


# The context of a callback is a generator, and the callback is generator.send(context, value): see _watch.py.
PROGRESS = ctypes.CFUNCTYPE(c_bool, ctypes.py_object, c_double)


class Watch(Structure):
    _fields_ = [("progress", PROGRESS), ("context", ctypes.py_object)]


class Value(Structure):
    _fields_ = [("node", c_char_p), ("name", c_char_p), ("shape", Shape), ("tensor", c_void_p)]


OBSERVE = ctypes.CFUNCTYPE(c_bool, ctypes.py_object, POINTER(Value))


class Observer(Structure):
    _fields_ = [("observe", OBSERVE), ("context", ctypes.py_object)]


class Step(Structure):
    _fields_ = [
        ("node", c_char_p),
        ("op", c_char_p),
        ("kernel", c_char_p),
        ("choice", c_char_p),
        ("input", Shape),
        ("output", Shape),
        ("flops", c_double),
        ("weight_bytes", c_size_t),
        ("scratch_bytes", c_size_t),
        ("seconds", c_double),
    ]


send_progress = PROGRESS(GeneratorType.send)
send_value = OBSERVE(GeneratorType.send)

LIBRARY = ctypes.CDLL(_path())

_model, _session, _error = c_void_p, c_void_p, POINTER(Error)
_picture, _watch = POINTER(Picture), POINTER(Watch)
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "limn_engine_create": (c_int, [POINTER(Options), POINTER(c_void_p), _error]),
    "limn_engine_threads": (c_int, [c_void_p]),
    "limn_engine_describe": (c_char_p, [c_void_p]),
    "limn_model_load": (c_int, [c_void_p, c_char_p, POINTER(_model), _error]),
    "limn_model_load_bytes": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, POINTER(_model), _error]),
    "limn_model_free": (None, [_model]),
    "limn_default_weights": (c_char_p, [c_int]),
    "limn_model_name": (c_char_p, [_model]),
    "limn_model_metadata": (c_char_p, [_model, c_char_p]),
    "limn_model_warning": (c_char_p, [_model]),
    "limn_model_inputs": (c_int, [_model]),
    "limn_model_input_name": (c_char_p, [_model, c_int]),
    "limn_model_usual_size": (Size, [_model]),
    "limn_model_node_name": (c_char_p, [_model, c_int]),
    "limn_model_explain": (c_int, [_model, Size, POINTER(c_void_p), _error]),
    "limn_text_free": (None, [c_void_p]),
    "limn_segment_classes": (c_int, [_model, POINTER(Class), POINTER(c_int), _error]),
    "limn_segment": (c_int, [_model, _picture, _picture, POINTER(SegmentOptions), _watch, _error]),
    "limn_colorize": (c_int, [_model, _picture, _picture, POINTER(ColorizeOptions), _watch, _error]),
    "limn_upscale_factor": (c_int, [_model, POINTER(c_int), _error]),
    "limn_upscale": (c_int, [_model, _picture, _picture, _watch, _error]),
    "limn_generate_side": (c_int, [_model, POINTER(c_int), _error]),
    "limn_generate": (c_int, [_model, _picture, c_int64, POINTER(GenerateOptions), _watch, _error]),
    "limn_session_create": (c_int, [_model, Size, POINTER(_session), _error]),
    "limn_session_free": (None, [_session]),
    "limn_session_input_shape": (Shape, [_session, c_int]),
    "limn_session_output_shape": (Shape, [_session]),
    "limn_session_set_input": (c_int, [_session, c_int, c_void_p, _error]),
    "limn_session_run": (c_int, [_session, _error]),
    "limn_session_get_output": (c_int, [_session, c_void_p, _error]),
    "limn_session_set_watch": (None, [_session, _watch]),
    "limn_session_set_observer": (None, [_session, POINTER(Observer)]),
    "limn_value_get": (None, [POINTER(Value), c_void_p]),
    "limn_session_step": (POINTER(Step), [_session, c_int]),
}
for _name, (_result, _arguments) in _FUNCTIONS.items():
    _function = getattr(LIBRARY, _name)
    _function.restype, _function.argtypes = _result, _arguments


def call(function: Any, *arguments: Any) -> None:
    """Calls a function of limn.h that returns a limn_status; its last argument is added. Raises LimnError."""
    error = Error()
    status = function(*arguments, ctypes.byref(error))
    if status:
        raise BY_STATUS.get(status, LimnError)(error.message.decode(errors="replace"))
