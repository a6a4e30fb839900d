"""The program from outside: command line, weights, run, inspect, verify."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import safetensors as safetensors_bytes
from checkpoint_files import tf_v1, torch_legacy, torch_zip
from cli_support import LIMN, ROOT, WEIGHTS, enhancenet, fails, limn, need_openblas, npy, pixels, ppm, read_weights, succeeds
from convert_runner import convert

COMMANDS = ["segment", "colorize", "upscale", "generate", "compare", "pixels", "run", "inspect", "verify", "explain", "bench"]


@pytest.fixture
def tensor(tmp_path: Path) -> Path:
    path = tmp_path / "in.npy"
    np.save(path, np.random.default_rng(3).random((1, 3, 6, 5), np.float32))
    return path


# Command line


def test_version_is_one_line_with_all_that_decides_speed() -> None:
    text = succeeds("--version").decode()
    kernels, blas = r"[\w+-]+ kernels( \(no matrix tiles: [^()]+\))?", r"(OpenBLAS core \w+|no OpenBLAS)"
    assert re.fullmatch(rf"limn \d+\.\d+\.\d+, {kernels}, {blas}, \d+ threads?\n", text), text


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_lists_every_command_and_an_example(word: str) -> None:
    text = succeeds(word).decode()
    assert "  limn upscale photo.jpg -o large.png\n" in text
    assert all(re.search(rf"^  {command} +\w", text, re.M) for command in COMMANDS), text


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_before_a_command(word: str) -> None:
    for command in ("run", "bench"):
        assert succeeds(word, command) == succeeds(command, "--help")
    assert "unknown command: segmant; did you mean segment?" in fails(2, word, "segmant")
    assert "unexpected argument: foo" in fails(2, word, "run", "foo")


@pytest.mark.parametrize("words", ["--version x", "--weights x", "--manual x", "--completion bash x"])
def test_an_extra_word(words: str) -> None:
    assert fails(2, *words.split()) == "limn: unexpected argument: x\n"


def test_ambiguous_abbreviations() -> None:
    assert fails(2, "upscale", "--q") == "limn: --q is ambiguous: it may stand for --quality, --quiet\n"
    for command, option, names in (
        ("segment", "--t", {"--threads", "--threshold", "--truth"}),
        ("colorize", "--sa=1", {"--saturation", "--samples"}),
        ("bench", "--s", {"--size", "--seconds", "--shape", "--steps"}),
    ):
        assert set(re.findall(r"--[a-z]+", fails(2, command, option).split("stand for")[1])) == names
    assert "unknown option: --quack" in fails(2, "upscale", "--quack")


@pytest.mark.parametrize("word", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_starts_with_an_example(command: str, word: str) -> None:
    text = succeeds(command, word).decode()
    assert text.startswith(f"  limn {command} "), text
    assert "--memory-limit BYTES" in text and "--help" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_a_command_works_with_what_is_shipped(command: str, tmp_path: Path) -> None:
    """In a folder that has the inputs it names."""
    for name in ("photo.jpg", "old.jpg", "microscope.png", "result.png", "original.png", "digits/8_1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(ppm(pixels(32, 48)))
    np.save(tmp_path / "input.npy", np.zeros((1, 3, 8, 8), "<f4"))
    words = succeeds(command, "--help").decode().splitlines()[0].split()
    found = ROOT in Path(LIMN).resolve().parents[1:3]
    done = limn(*words[1:], cwd=tmp_path, env={} if found else {"LIMN_WEIGHTS": str(ROOT / "weights")})
    # The default weights of segment are introduced in a line.
    assert done.returncode == 0 and (not done.stderr or command == "segment"), done.stderr


def test_no_command_shows_the_help_and_is_a_usage_error() -> None:
    done = limn()
    assert (done.returncode, done.stdout, done.stderr) == (2, succeeds("--help"), b"")


BAD_USAGE = [
    (["enlarge"], "unknown command: enlarge (see limn --help)"),
    (["--bogus"], "unknown command: --bogus (see limn --help)"),
    (["upscale", "--bogus"], "unknown option: --bogus (see limn upscale --help)"),
    (["upscale", "-x"], "unknown option: -x (see limn upscale --help)"),
    (["upscale", "-xq"], "unknown option: -x (see limn upscale --help)"),
    (["upscale", "-qx"], "unknown option: -x (see limn upscale --help)"),
    (["inspect", "--tile", "8"], "unknown option: --tile (see limn inspect --help)"),
    (["upscale", "--quiet=yes"], "--quiet=yes: option takes no value"),
    (["upscale", "a.png", "-o"], "-o: missing value"),
    (["bench", "model", "--size"], "--size: missing value"),
    (["run", "-m", "a", "-m", "b"], "--model: given more than once"),
    (["upscale", "-i", "a.png", "-i", "b.png"], "--input: given more than once"),
    (["upscale", "-m", WEIGHTS, "-o", "x.png"], "missing INPUT"),
    (["upscale", "-m", WEIGHTS, "-"], "missing -o OUTPUT: standard input has no name of its own"),
    (["upscale", "-m", WEIGHTS, "."], "missing -o FOLDER for the pictures in ."),
    (["upscale", "-m", WEIGHTS, "x.png", "y.png", "-o", "z.png"], "z.png: several pictures need a folder (z.png/ "),
    (["upscale", "-m", WEIGHTS, ".", "-o", "z.ppm"], "z.ppm: several pictures need a folder (z.ppm/ "),
    (["upscale", "-m", WEIGHTS, "x.png", "-", "-o", "z"], "standard input (-) must be the only input"),
    (["upscale", "-m", WEIGHTS, "x.png", "-f", "--skip-existing"], "--force and --skip-existing exclude each other"),
    (["upscale", "-m", WEIGHTS, "x.png", "--format", "jpeg"], "--format jpeg: expected png, jpg, bmp or pnm"),
    (["segment", "x.png", "--view", "mask", "--format", "jpg"], "--format: JPEG would change the values of a mask"),
    (["segment", "x.png", "--view", "cutout", "--format", "pnm"], "--format: a cutout has alpha, which needs PNG"),
    (["segment", "x.png", "--skip-existing", "--truth", "y.png"], "--skip-existing excludes --truth"),
    (["segment", "x.png", "--skip-existing", "--probabilities", "y.npy"], "--skip-existing excludes --probabilities"),
    (["upscale", "-m", WEIGHTS, "x.png", "-o", "y"], "y: unknown extension"),
    (["upscale", "-m", WEIGHTS, "x.png", "-o", "y.gif"], "y.gif: unknown extension"),
    (["upscale", "-m", WEIGHTS, "x.png", "y.png", "-o", "-"], "several pictures cannot be written to standard output"),
    (["run", "-m", WEIGHTS, "-o", "y.npy"], "missing INPUT"),
    (["run", "-m", WEIGHTS, "a.npy", "b.npy", "-o", "y.npy"], "more than one INPUT"),
    (["run", "-m", WEIGHTS, "a.npy", "-i", "b.npy", "-o", "y.npy"], "more than one INPUT"),
    (["run", "-m", WEIGHTS, "a.npy"], "missing -o OUTPUT.npy"),
    (["run", "a.npy", "-o", "y.npy"], "missing -m NAME or -m FILE"),
    (["inspect"], "missing INPUT"),
    (["verify", "a", "b"], "more than one INPUT"),
    (["bench"], "model, layers, kernels or machine"),
    (["bench", "everything"], "model, layers, kernels or machine"),
    (["bench", "model", "layers"], "model, layers, kernels or machine"),
    (["bench", "model", "-m", WEIGHTS, "--kernels", "mkl"], "--kernels mkl: expected auto, openblas, native or reference"),
    (["bench", "model", "-m", WEIGHTS, "--isa", "mmx"], "--isa mmx: expected auto, baseline, avx2, avx512, avx512+bf16, "),
    (["run", "--gemm", "native"], "--gemm is now --kernels"),
    (["bench", "model", "--gemm=native"], "--gemm is now --kernels"),
    (["verify", "--gemm", "native"], "unknown option: --gemm (see limn verify --help)"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_USAGE, ids=[message for _, message in BAD_USAGE])
def test_usage_errors(arguments: list[str], message: str, tmp_path: Path) -> None:
    assert message in fails(2, *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


WHOLE = ["", " ", "0", "-1", "x", "4x", "1.5", "1e3", "0x10", "99999999999999999999"]
BAD_NUMBERS = [
    *(("-t", number, "--threads", "from 1 to 1024") for number in [*WHOLE, "1025"]),
    *(("--batch", number, "--batch", "from 1 to") for number in WHOLE),
    *(("--reps", number, "--reps", "from 1 to") for number in WHOLE),
    *(("--seconds", number, "--seconds", "number above 0") for number in ["", "x", "0", "-1", "nan", "inf", "1s"]),
    *(
        ("--size", text, "--size", "expected HxW, such as 480x640")
        for text in ["", "64", "x", "64x", "x64", "64x0", "-1x5", "6 4x5", "64x64x3", "64X64", "9999999999x1"]
    ),
    *(
        ("--memory-limit", text, "--memory-limit", "number of bytes")
        for text in ["", "0", "-5", "x", "K", "20MB", "20m", "1.5G", "9999999999999G", "99999999999999999999"]
    ),
]


@pytest.mark.parametrize(("option", "text", "name", "message"), BAD_NUMBERS)
def test_bad_numbers(option: str, text: str, name: str, message: str) -> None:
    line = fails(2, "bench", "model", "-m", WEIGHTS, option, text)
    assert f"{name} {text}: " in line and message in line


def test_messages_go_to_stderr_alone_and_control_characters_do_not_pass() -> None:
    done = limn("verify", "no\x1b[31m\nsuch\x9b.safetensors")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no?[31m?such??.safetensors" in done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["inspect", WEIGHTS], ["verify", WEIGHTS]])
def test_stdout_that_is_full_or_closed(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        assert "write failed" in fails(5, *arguments, stdout=full)
    reader, writer = os.pipe()
    os.close(reader)
    done = limn(*arguments, stdout=writer)  # as in `limn inspect FILE | head`: no message, as other tools do it
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


# Weights


def test_a_name_is_looked_up(tmp_path: Path, tensor: Path) -> None:
    (tmp_path / "small.safetensors").write_bytes(WEIGHTS.read_bytes())
    env = {"LIMN_WEIGHTS": str(tmp_path)}
    succeeds("run", "-m", "small", tensor, "-o", tmp_path / "out.npy", env=env)
    assert json.loads(succeeds("verify", "small", "--json", env=env))["file"] == f"{tmp_path}/small.safetensors"
    line = fails(3, "run", "-m", "large", tensor, "-o", tmp_path / "y.npy", env=env)
    assert "no weights called large" in line and str(tmp_path) in line
    assert "$LIMN_WEIGHTS (not set)" in fails(3, "inspect", "large")


@pytest.mark.parametrize("folder", ["", "build", "build/windows", "bin"])
def test_weights_are_found_from_the_folder_of_the_program(folder: str, tmp_path: Path) -> None:
    weights = tmp_path / ("share/limn/weights" if folder == "bin" else "weights")
    for made in (weights, tmp_path / folder):
        made.mkdir(parents=True, exist_ok=True)
    (weights / "small.safetensors").write_bytes(WEIGHTS.read_bytes())
    program = shutil.copy(LIMN, tmp_path / folder / "limn")
    found = json.loads(succeeds("verify", "small", "--json", executable=program))["file"]
    assert Path(found).resolve() == weights / "small.safetensors"


FOREIGN = {"torch zip": torch_zip, "torch legacy": torch_legacy, "TensorFlow V1": tf_v1}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_other_formats_are_sent_to_the_converter(write, tmp_path: Path, tensor: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(write({"generator/Conv/weights": np.zeros((3, 3, 3, 5), "<f4")}))
    for command in (["run", "-m", path, tensor, "-o", tmp_path / "y.npy"], ["inspect", path], ["verify", path]):
        line = fails(3, *command)
        assert str(path) in line and "limn-convert" in line


def test_weights_that_are_damaged(tmp_path: Path) -> None:
    good, path = WEIGHTS.read_bytes(), tmp_path / "w.safetensors"
    (header,) = struct.unpack_from("<Q", good)
    for size in [0, 7, 8, 20, 8 + header - 1, 8 + header, len(good) - 1]:
        path.write_bytes(good[:size])
        assert str(path) in fails(3, "verify", path), size
    path.write_bytes(good + b"\0")
    assert str(path) in fails(3, "verify", path)
    assert "folder" in fails(3, "verify", tmp_path)


@pytest.mark.parametrize(
    "value, count", [(np.nan, 1), (np.inf, 2), (-np.inf, 3)], ids=["NaN", "infinity", "-infinity"]
)
def test_verify_finds_values_that_are_no_numbers(value: float, count: int, tmp_path: Path) -> None:
    tensors = {name: array.astype("<f4") for name, array in read_weights(WEIGHTS).items()}
    tensors["generator/Conv_3/weights"].flat[: count * 7 : 7] = value
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(tensors))
    line = fails(3, "verify", path)
    assert f"tensor generator/Conv_3/weights holds {count} value" in line


def test_verify_says_what_is_good() -> None:
    assert re.search(r": ok, enhancenet, 14 tensors, \d+ parameters\n", succeeds("verify", WEIGHTS).decode())
    assert json.loads(succeeds("verify", WEIGHTS, "--json")) == {
        "file": str(WEIGHTS), "model": "enhancenet", "tensors": 14, "ok": True,
    }  # fmt: skip


# Run


def check_against_float64(weights: Path, shapes: list[tuple[int, ...]], folder: Path, *options: str) -> None:
    reference = read_weights(weights)
    for shape in shapes:
        x = np.random.default_rng(sum(shape)).random(shape, np.float32)
        np.save(folder / "x.npy", x)
        succeeds("run", "-m", weights, folder / "x.npy", "-o", folder / "y.npy", "--force", *options)
        got, want = np.load(folder / "y.npy"), enhancenet(reference, x)
        assert (got.shape, got.dtype) == (want.shape, np.dtype("<f4")), (shape, options)
        # float32 keeps 24 bits (6e-8); the longest sums, 576 products through 25 layers, lose some 5 of them.
        error = np.abs(got - want)
        worst = np.unravel_index(error.argmax(), error.shape)
        bound = 1e-5 * np.abs(want).max()
        assert error[worst] <= bound, f"{shape} {options} {list(worst)}: want {want[worst]} got {got[worst]}"


SHAPES = [(2, 3, 7, 5), (1, 3, 1, 1), (1, 3, 1, 9), (3, 3, 8, 1), (1, 3, 33, 46)]


@pytest.mark.parametrize("options", [[], ["--kernels", "openblas"], ["--kernels", "native"], ["--kernels", "reference"], ["-t", "3"]], ids=" ".join)
def test_run_computes_enhancenet(options: list[str], tmp_path: Path) -> None:
    if "openblas" in options:
        need_openblas()
    check_against_float64(WEIGHTS, SHAPES, tmp_path, *options)


def test_run_computes_the_released_enhancenet(tmp_path: Path) -> None:
    released = os.environ.get("LIMN_ENHANCENET_RELEASE", ROOT / "../shared/data/enhancenet-release/weights")
    if not Path(released).exists():
        absent = f"no released EnhanceNet weights at {released}; LIMN_ENHANCENET_RELEASE names their file"
        warnings.warn(absent, stacklevel=1)  # pytest shows warnings unasked, the reasons of skips only with -rs
        pytest.skip(absent)
    weights = tmp_path / "released.safetensors"
    assert convert.main([str(released), "-o", str(weights)]) == 0
    check_against_float64(weights, [(2, 3, 13, 17), (1, 3, 1, 1)], tmp_path)
    assert b": ok, enhancenet, 50 tensors, " in succeeds("verify", weights)


CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
FLAGS = {"avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"}, "neon": {"asimd"}}
FLAGS["avx512+bf16"] = FLAGS["avx2"] | FLAGS["avx512"] | {"avx512_bf16"}
FLAGS["avx512+amx"] = FLAGS["avx512+bf16"] | {"amx_tile", "amx_bf16"}


@pytest.mark.parametrize("isa", ["auto", "baseline", "amx-emulated", *FLAGS])
def test_every_instruction_set_of_this_cpu(isa: str, tmp_path: Path, tensor: Path) -> None:
    if isa in FLAGS and not CPU:
        pytest.skip("no /proc/cpuinfo here to say what the CPU has")
    if FLAGS.get(isa, set()) <= set(CPU.split()):
        check_against_float64(WEIGHTS, SHAPES, tmp_path, "--isa", isa)
    else:
        line = fails(2, "run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy", "--isa", isa)
        assert f"{isa}: this CPU does not have it" in line


def test_run_in_pipes_and_threads_give_the_same_bytes(tensor: Path, tmp_path: Path) -> None:
    succeeds("run", "-m", WEIGHTS, tensor, "-o", tmp_path / "y.npy")
    want = (tmp_path / "y.npy").read_bytes()
    assert succeeds("run", "-m", WEIGHTS, "-", "-o", "-", input=tensor.read_bytes()) == want
    for threads in ("1", "2", "5"):
        assert succeeds("run", "-m", WEIGHTS, "-i", tensor, "-o", "-", "-t", threads) == want, threads


def test_run_accepts_float64_and_fewer_axes(tmp_path: Path) -> None:
    x = np.random.default_rng(1).random((3, 4, 5))
    outputs = [
        succeeds("run", "-m", WEIGHTS, "-", "-o", "-", input=npy(array))
        for array in (x, x.astype("<f4"), x.astype("<f4")[None])
    ]
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(np.zeros((1, 4, 5, 5), "<f4")), "4 channels"),
        (npy(np.zeros((5, 5), "<f4")), "1 channels"),
        (npy(np.zeros((1, 3, 0, 5), "<f4")), "axes expected"),
        (npy(np.zeros((1, 3, 5, 5), "<i8")), "'<i8', '<f4' (float32) expected"),
        (npy(np.asfortranarray(np.ones((1, 3, 5, 5), "<f4"))), "Fortran order"),
        (npy(np.zeros((1, 3, 5, 5), "<f4"))[:-1], "bytes of data"),
        (b"", "not a .npy file"),
        (ppm(pixels(4, 4)), "not a .npy file"),
    ],
)
def test_run_refuses(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(data)
    assert message in fails(4, "run", "-m", WEIGHTS, tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert not (tmp_path / "y.npy").exists()


def test_run_within_a_memory_limit(tmp_path: Path) -> None:
    """Speed is given up first; what cannot fit is refused with a number, before the output is touched."""
    (tmp_path / "x.npy").write_bytes(npy(np.random.default_rng(2).random((1, 3, 64, 64)).astype("<f4")))
    command = ["run", "-m", ROOT / "weights/enhancenet.safetensors", tmp_path / "x.npy", "-t", "2"]
    succeeds(*command, "-o", tmp_path / "fast.npy")
    succeeds(*command, "-o", tmp_path / "light.npy", "--memory-limit", "23M")
    fast, light = np.load(tmp_path / "fast.npy"), np.load(tmp_path / "light.npy")
    assert np.abs(fast - light).max() <= 1e-5 * np.abs(fast).max()
    line = fails(6, *command, "-o", tmp_path / "none.npy", "--memory-limit", "12M")
    needed, left = (float(number) for number in re.findall(r"([0-9.]+) MB", line))
    assert "out of memory" in line and "in all, the limit is" in line and "less is needed with" in line
    assert 12 < needed < 23 and left == 12.6
    assert not (tmp_path / "none.npy").exists()


def test_run_keeps_what_stands_unless_forced(tensor: Path, tmp_path: Path) -> None:
    output = tmp_path / "y.npy"
    output.write_text("precious")
    assert "already exists (use --force to replace it)" in fails(5, "run", "-m", WEIGHTS, tensor, "-o", output)
    assert output.read_text() == "precious"
    succeeds("run", "-m", WEIGHTS, tensor, "-o", output, "--force")
    assert np.load(output).shape == (1, 3, 24, 20)
    assert "No space left" in fails(5, "run", "-m", WEIGHTS, tensor, "-o", "/dev/full")
    assert "No such file" in fails(5, "run", "-m", WEIGHTS, tensor, "-o", tmp_path / "no/y.npy")


# Inspect


def test_inspect_counts_parameters_and_operations() -> None:
    height, width, batch = 12, 20, 3
    size = ["--size", f"{height}x{width}", "--batch", str(batch)]
    report = json.loads(succeeds("inspect", WEIGHTS, *size, "--json"))
    weights = read_weights(WEIGHTS)
    assert {t["name"]: tuple(t["shape"]) for t in report["tensors"]} == {n: t.shape for n, t in weights.items()}
    assert report["parameters"] == sum(tensor.size for tensor in weights.values())
    nodes = {node["name"]: node for node in report["nodes"]}
    for number, scale in enumerate([1, 1, 1, 2, 4, 4, 4]):
        name = "generator/Conv" + (f"_{number}" if number else "")
        kernel = weights[f"{name}/weights"]
        outputs = batch * height * width * scale**2
        assert nodes[name]["flop"] == 2 * outputs * kernel.size, name  # a product and a sum a weight and pixel
        assert nodes[name]["shape"] == [batch, kernel.shape[3], height * scale, width * scale]
        assert nodes[name]["parameters"] == kernel.size + kernel.shape[3]
    others = {node["op"] for name, node in nodes.items() if not name.startswith("generator/Conv")}
    assert others <= {"input", "pointwise", "upsample", "bicubic"}
    assert report["flop"] == sum(node["flop"] for node in nodes.values())
    assert report["model"] == "enhancenet" and report["arena_bytes"] > 4 * batch * 3 * 16 * height * width
    text = succeeds("inspect", WEIGHTS, *size).decode()
    assert f"{report['parameters']} parameters, {report['flop'] / 1e9:.3f} GFLOP" in text


def test_inspect_of_impossible_sizes() -> None:
    size = ["--size", "16777216x16777216", "--batch", "1048576"]  # 2^70 bytes
    assert "cannot be computed at 16777216x16777216" in fails(4, "inspect", WEIGHTS, *size, "--json")


# The locale


@pytest.fixture(scope="module")
def comma(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a locale that writes 1,5, made by glibc's localedef."""
    made = tmp_path_factory.mktemp("locales") / "de_DE.UTF-8"
    if not (shutil.which("localedef") and Path("/usr/share/i18n/locales/de_DE").exists()):
        pytest.skip("no locale with a decimal comma: localedef, or its de_DE (Debian: locales), is not here")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(made)], check=True, capture_output=True)
    return {"LOCPATH": str(made.parent), "LC_ALL": made.name, "LANGUAGE": "de"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", WEIGHTS],
        ["explain", WEIGHTS, "--json"],
        ["compare", "a.ppm", "b.ppm"],
        ["pixels", "dataset", "a.ppm", "b.ppm", "-o", "-"],
        ["upscale", "-m", WEIGHTS, "none.png", "-o", "out.png"],
        ["upscale", "-m", WEIGHTS, "a.ppm", "-o", "out.png", "--memory-limit", "300K"],
        ["bench", "model", "-m", WEIGHTS, "--seconds", "0,5"],
        ["colorize", "-m", "eccv16", "a.ppm", "-o", "out.png", "--saturation", "0,5"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_decimal_comma_in_the_locale_changes_nothing(arguments: list[str], comma: dict[str, str], tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.ppm").write_bytes(ppm(pixels(7, 8, seed=ord(name))))
    here, plain = (limn(*arguments, cwd=tmp_path, env=env) for env in (comma, {"LC_ALL": "C"}))
    assert (here.returncode, here.stdout, here.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_a_decimal_point_is_read_in_a_locale_with_a_comma(comma: dict[str, str]) -> None:
    done = succeeds("bench", "model", "-m", WEIGHTS, "--json", "--seconds", "0.1", env=comma)
    assert json.loads(done)["min_ms"] > 0


# Streams that were closed before the program started


def closing(streams: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    command = ["sh", "-c", f'exec "$0" "$@" {streams}', LIMN, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=False, timeout=300)


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_printed_does_not_end_up_in_files(streams: str, tmp_path: Path) -> None:
    """The first file opened would get the number of the closed stream."""
    unet = ROOT / "tests/goldens/unet-bilinear.safetensors"
    (tmp_path / "in.ppm").write_bytes(ppm(pixels(24, 24)))
    words = ["segment", "-m", unet, "in.ppm", "--scale", "1", "--json", "-o"]
    succeeds(*words, "want.png", cwd=tmp_path)
    assert closing(streams, *words, "got.png", cwd=tmp_path).returncode == (5 if ">&-" in streams.split() else 0)
    assert (tmp_path / "got.png").read_bytes() == (tmp_path / "want.png").read_bytes()


def test_data_through_a_closed_stream(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(ppm(pixels(4, 4)))
    for code, streams, source, output in ((4, "<&-", "-", "b.png"), (5, ">&-", "a.ppm", "-")):
        done = closing(streams, "upscale", "-m", WEIGHTS, source, "-o", output, cwd=tmp_path)
        assert done.returncode == code and b"Bad file descriptor" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["a.ppm"]


def test_the_program_is_there() -> None:
    assert os.access(LIMN, os.X_OK), f"{LIMN} is no program; build it, or name it in LIMN"
