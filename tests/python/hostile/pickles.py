"""Pickles that would run something, nest without end, or fill the memory. Each is a program alone, without its file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from checkpoint_files import Call, Global, Persistent, Raw, rebuilt

from .made import CANARY, Hostile, constant, dumped, named, text

FLOATS = Global("torch", "FloatStorage")


def _stored(*identity: Any) -> Callable[[], bytes]:
    return lambda: dumped({"w": rebuilt(Persistent(identity), 0, (1,), (1,))})


def _only(keys: str) -> str:
    return f"holds no tensors, only {keys}; expected a state dict of named tensors"


_ARGUMENT = text(CANARY)
_GETATTR = (
    b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n"
    + text("os")
    + b"\x85R"
    + text("system")
    + b"tR"
    + _ARGUMENT
    + b"\x85R."
)
# Numbers whose hashes are all alike, 0: in a dict each is held against every one before it.
_COLLIDING = b"N" + b"".join(b"p%d\ng%d\n" % ((number * (2**61 - 1),) * 2) for number in range(20_000)) + b"."
_HALVES = b"".join(b"(h%ch%ctq%c" % (i - 1, i - 1, i) if i else b")q\x00" for i in range(200)) + b"."
_PAIRS = b"ccollections\nOrderedDict\nq\x00](](NNeeq\x01" + b"h\x00h\x01\x85R" * 10_000 + b"."

_VECTOR = {"main.3.weight": Call(Global("torch._utils", "_rebuild_qtensor"))}

PICKLES = {
    "reduce_os_system": Hostile(constant(b"cos\nsystem\n" + _ARGUMENT + b"\x85R."), named("os.system")),
    "reduce_posix_system": Hostile(constant(b"cposix\nsystem\n" + _ARGUMENT + b"\x85R."), named("posix.system")),
    "stack_global_popen": Hostile(
        constant(b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93" + _ARGUMENT + b"\x85R."), named("subprocess.Popen")
    ),
    "stack_global_dotted": Hostile(
        constant(b"\x80\x04\x8c\x13torch.serialization\x8c\x09os.system\x93" + _ARGUMENT + b"\x85R."),
        named("torch.serialization.os.system"),
    ),
    "inst_eval": Hostile(constant(b"(" + _ARGUMENT + b"ibuiltins\neval\n."), named("builtins.eval")),
    "obj_exec": Hostile(constant(b"(cbuiltins\nexec\n" + _ARGUMENT + b"o."), named("builtins.exec")),
    "newobj_python2_eval": Hostile(
        constant(b"c__builtin__\neval\n" + _ARGUMENT + b"\x85\x81."), named("__builtin__.eval")
    ),
    "newobj_ex_run_path": Hostile(
        constant(b"\x80\x04crunpy\nrun_path\n" + _ARGUMENT + b"\x85}\x92."), named("runpy.run_path")
    ),
    "getattr_of_import": Hostile(constant(_GETATTR), named("builtins.__import__")),
    "getattr_of_text": Hostile(
        constant(b"cbuiltins\ngetattr\n" + text("os") + text("system") + b"\x86R."), named("builtins.getattr")
    ),
    "attrgetter": Hostile(
        constant(b"coperator\nattrgetter\n" + text("system") + b"\x85R."), named("operator.attrgetter")
    ),
    "pickle_in_pickle": Hostile(
        constant(b"c_pickle\nloads\nC\x10cos\nsystem\n)R....\x85R."), named("_pickle.loads")
    ),
    "build_setstate": Hostile(
        constant(b"cmy.module\nThing\n)\x81}" + text("__setstate__") + b"cos\nsystem\nsb."), named("os.system")
    ),
    "build_on_a_function": Hostile(
        constant(b"ctorch._utils\n_rebuild_tensor_v2\n}" + text("__code__") + b"Nsb."),
        "a pickled Function, expected a state dict of named tensors",
    ),
    "inert_numpy_load": Hostile(
        constant(b"cnumpy\nload\n" + _ARGUMENT + b"\x85R."),
        "a pickled numpy.load object, expected a state dict: save model.state_dict()",
    ),
    "inert_torch_hub": Hostile(
        lambda: dumped({"state_dict": Call(Global("torch.hub", "load"), (CANARY,))}),
        "a pickled torch.hub.load object at state_dict, expected a state dict: save model.state_dict()",
    ),
    "inert_partial": Hostile(
        constant(b"cfunctools\npartial\ncsite_packages\nrun\n" + _ARGUMENT + b"\x86R" + _ARGUMENT + b"\x85R."),
        "a pickled functools.partial object, expected a state dict: save model.state_dict()",
    ),
    "extension_1": Hostile(constant(b"\x82\x01."), "pickle opcode EXT1, which no checkpoint needs"),
    "extension_2": Hostile(constant(b"\x83\x01\x00."), "pickle opcode EXT2, which no checkpoint needs"),
    "extension_4": Hostile(constant(b"\x84\x01\x00\x00\x00."), "pickle opcode EXT4, which no checkpoint needs"),
    "next_buffer": Hostile(constant(b"\x97."), "pickle opcode NEXT_BUFFER, which no checkpoint needs"),
    "call_of_text": Hostile(constant(_ARGUMENT + b")R."), "damaged pickle: calls a str"),
    "parameter_of_nothing": Hostile(
        constant(b"ctorch._utils\n_rebuild_parameter\n)R."), "damaged pickle: a parameter without a tensor"
    ),
    # Persistent ids
    "persistent_text": Hostile(constant(b"Pabc\n."), "damaged pickle: a persistent id that is not a tuple"),
    "persistent_list": Hostile(constant(b"]Q."), "damaged pickle: a persistent id that is not a tuple"),
    "persistent_empty": Hostile(constant(b")Q."), "damaged pickle: a persistent id that is not a tuple"),
    "persistent_itself": Hostile(
        constant(b"]q\x00h\x00ah\x00\x85Q."), "damaged pickle: a persistent id that is not a storage"
    ),
    "persistent_function": Hostile(
        _stored("storage", Global("os", "system"), CANARY, "cpu", 1), named("os.system")
    ),
    "persistent_class_of_text": Hostile(
        _stored("storage", "FloatStorage", "0", "cpu", 1), "damaged pickle: a storage without a class or a key"
    ),
    "persistent_key_of_bytes": Hostile(
        _stored("storage", FLOATS, Raw(b"C\x010"), "cpu", 1), "damaged pickle: a storage without a class or a key"
    ),
    "persistent_count_true": Hostile(
        _stored("storage", FLOATS, "0", "cpu", True), "storage 0: invalid number of values"
    ),
    "persistent_count_negative": Hostile(
        _stored("storage", FLOATS, "0", "cpu", -1), "storage 0: invalid number of values"
    ),
    "persistent_count_of_a_megabit": Hostile(
        _stored("storage", FLOATS, "0", "cpu", Raw(b"\x8b" + struct.pack("<I", 1 << 17) + b"\x7f" * (1 << 17))),
        "storage 0: invalid number of values",
    ),
    "persistent_count_of_no_file": Hostile(
        _stored("storage", FLOATS, "0", "cpu", 2**62), "the zip archive has no entry archive/data/0"
    ),
    "persistent_key_that_climbs": Hostile(
        _stored("storage", FLOATS, "../../etc/passwd", "cpu", 1),
        "the zip archive has no entry archive/data/../../etc/passwd",
    ),
    # Depth, and values that hold themselves
    "lists_in_lists": Hostile(
        lambda: b"]" * 200_000 + b"a" * 199_999 + b".", "a pickled list, expected a state dict of named tensors"
    ),
    "tuples_in_tuples": Hostile(
        lambda: b")" + b"\x85" * 200_000 + b".", "a pickled tuple, expected a state dict of named tensors"
    ),
    "dicts_in_dicts": Hostile(
        lambda: (b"}" + text("model")) * 100_000 + b"}" + b"s" * 100_000 + b".",
        _only("model (dict)"),
    ),
    "a_deep_key": Hostile(
        lambda: b"})" + b"\x85" * 200_000 + b"Ns.", _only("[0] (NoneType)")
    ),
    "marks": Hostile(lambda: b"(" * 200_000 + b".", "damaged pickle: an instruction has no operand"),
    "a_dict_in_itself": Hostile(
        constant(b"}q\x00" + text("model") + b"h\x00s."), _only("model (dict)")
    ),
    "a_list_in_itself": Hostile(
        constant(b"]q\x00" + b"h\x00a" * 1000 + b"."), "a pickled list, expected a state dict of named tensors"
    ),
    "mask_values_in_themselves": Hostile(
        constant(b"}" + text("mask_values") + b"]q\x00h\x00as."), _only("mask_values (list)")
    ),
    # Memory and time
    "doubling_tuples": Hostile(lambda: _HALVES, "a pickled tuple, expected a state dict of named tensors"),
    "doubling_dicts": Hostile(lambda: _PAIRS, "holds no tensors; expected a state dict of named tensors"),
    "a_long_list_in_a_long_list": Hostile(
        lambda: b"](" + b"N" * 70_000 + b"e(](" + b"N" * 200_000 + b"e" + b"2" * 200_000 + b"e.",
        "a pickled list, expected a state dict of named tensors",
    ),
    "dicts_by_the_hundred_thousand": Hostile(
        lambda: b"](" + b"}" * 480_000 + b"e.", "a pickled list, expected a state dict of named tensors", large=True
    ),
    "memo_far_up": Hostile(
        constant(b"Nr\xff\xff\xff\xff."), "a pickled NoneType, expected a state dict of named tensors"
    ),
    "memo_below": Hostile(constant(b"Np-1\ng-1\n."), "damaged pickle: refers to value -1"),
    "memo_that_collides": Hostile(lambda: _COLLIDING, f"damaged pickle: refers to value {2**61 - 1}"),
    "memo_empty": Hostile(constant(b"h\x00."), "damaged pickle: refers to a value that is not defined"),
    "too_many_objects": Hostile(
        lambda: b"}" * 700_000 + b".", "a pickle of more than 675000 objects, too many for its size"
    ),
    "long4_of_2_gb": Hostile(constant(b"\x8b\xff\xff\xff\x7f\x01."), "damaged pickle: .."),
    "long4_negative": Hostile(constant(b"\x8b\xff\xff\xff\xff\x01."), "damaged pickle: .."),
    "long_of_5000_digits": Hostile(constant(b"L" + b"9" * 5000 + b"L\n."), "damaged pickle: .."),
    "bytes8_of_8_eb": Hostile(constant(b"\x8e" + b"\xff" * 7 + b"\x7f."), "damaged pickle: .."),
    "text8_of_16_eb": Hostile(constant(b"\x8d" + b"\xff" * 8 + b"."), "damaged pickle: .."),
    "bytearray8_of_8_eb": Hostile(constant(b"\x96" + b"\xff" * 7 + b"\x7f."), "damaged pickle: .."),
    "frame_of_16_eb": Hostile(constant(b"\x95" + b"\xff" * 8 + b"N."), "a pickled NoneType, expected .."),
    "no_end": Hostile(constant(b"N"), "damaged pickle: pickle exhausted before seeing STOP"),
    # Tensors of kinds that no graph here has
    "quantised": Hostile(
        lambda: dumped({"main.0.weight": Call(Global("torch._utils", "_rebuild_qtensor"), (1, 2)),} | _VECTOR),
        "tensor main.0.weight: made by torch._utils._rebuild_qtensor, which is not executed",
    ),
    "sparse": Hostile(
        lambda: dumped({"main.0.weight": Call(Global("torch._utils", "_rebuild_sparse_tensor"), (1, 2))} | _VECTOR),
        "tensor main.0.weight: made by torch._utils._rebuild_sparse_tensor, which is not executed",
    ),
}  # fmt: skip
