"""Habits of the command line: mistyped words, folders in folders, progress on a terminal, reports of what was written."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
from pathlib import Path

import cli_support
import pytest
from cli_support import LIMN, ROOT, WEIGHTS, fails, limn, pixels, png, ppm, succeeds

# Mistyped words

MISTYPED = [
    (["upscal"], "unknown command: upscal; did you mean upscale? "),
    (["ugment"], "unknown command: ugment; did you mean segment? "),
    (["Colorize"], "; did you mean colorize? "),
    (["gen"], "; did you mean generate? "),
    (["--hlep"], "; did you mean --help? "),
    (["--compeltion"], "; did you mean --completion? "),
    (["--completion"], "limn: --completion: expected bash, zsh or fish\n"),
    (["--completion", "fihs"], "bash, zsh or fish; did you mean fish?"),
    (["upscale", "--tiel", "8"], "unknown option: --tiel; did you mean --tile? "),
    (["upscale", "--qualitty=8"], "; did you mean --quality? "),
    (["segment", "--view", "overlya", "a.png", "-o", "b.png"], "side or cutout; did you mean overlay?"),
    (["bench", "modle"], "bench modle: expected model, layers, kernels or machine; did you mean model?"),
    (["bench", "kernels", "--op", "max_pol"], "; did you mean max_pool?"),
    (["bench", "model", "-m", WEIGHTS, "--kernels", "natve"], "native or reference; did you mean native?"),
    (["bench", "model", "-m", WEIGHTS, "--isa", "AVX2"], "neon or amx-emulated; did you mean avx2?"),
    (["pixels", "totext", "a.png"], "mean or split; did you mean to-text?"),
    (["segmentation"], "; did you mean segment? "),
    (["benchmark"], "; did you mean bench? "),
    (["verification"], "; did you mean verify? "),
    (["HELP"], "; did you mean help? "),
    (["upscale", "--no-orientation"], "; did you mean --no-orient? "),
    (["upscale", "-output", "b.png", "a.png"], "unknown option: -output; did you mean --output? (see limn upscale --help)"),
    (["upscale", "-tile=3", "a.png"], "-tile=3; did you mean --tile? "),
    (["generate", "-json"], "-json; did you mean --json? "),
]


@pytest.mark.parametrize(("arguments", "message"), MISTYPED, ids=[message for _, message in MISTYPED])
def test_the_nearest_word_is_named(arguments: list[str], message: str) -> None:
    assert message in fails(2, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["x"], ["enlarge"], ["se"], [""], ["z" * 100000], ["upscale", "--bogus"], ["upscale", "-x"], ["bench", "all"], ["pixels"]],
    ids=lambda words: " ".join(words)[:20],
)
def test_nothing_is_named_where_nothing_is_near(arguments: list[str]) -> None:
    assert "did you mean" not in fails(2, *arguments)


def test_a_word_behind_two_dashes_is_no_option(tmp_path: Path) -> None:
    """Nor is the letter of an option with its value."""
    (tmp_path / "-force").write_bytes(png(pixels(3, 3)))
    succeeds("compare", "--", "-force", "-force", cwd=tmp_path)
    succeeds("pixels", "to-text", "-oa.txt", "-i-force", cwd=tmp_path)


def test_a_value_that_is_empty() -> None:
    for option in ("--output", "--model", "--truth"):
        assert f"{option}: empty value" in fails(2, "segment", "a.png", f"{option}=")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the program in a folder without weights, which somebody may have fetched."""
    shutil.copy2(LIMN, tmp_path / "limn")
    monkeypatch.setattr(cli_support, "LIMN", str(tmp_path / "limn"))


@pytest.mark.usefixtures("alone")
def test_names_of_weights(tmp_path: Path) -> None:
    """Those in the folders come first, then the published ones and the networks that limn knows."""
    (tmp_path / "holiday.safetensors").write_bytes(WEIGHTS.read_bytes())
    (tmp_path / "holidoy.txt").write_text("no weights")
    env = {"LIMN_WEIGHTS": str(tmp_path)}
    line = fails(3, "inspect", "holidy", env=env)
    assert "no weights called holidy: holidy.safetensors was not found in " in line and "; did you mean holiday? " in line
    for typed, meant in (("UNet", "unet"), ("ecv16", "eccv16"), ("vea", "vae"), ("enhancenet-pta", "enhancenet-pat")):
        line = fails(3, "inspect", typed, env={"LIMN_WEIGHTS": str(tmp_path / "none")})
        assert f"no weights called {typed}: {typed}.safetensors was not found in " in line
        assert f"; did you mean {meant}? " in line
        assert "limn-fetch --list" in line and "limn-convert" in line
    assert "did you mean" not in fails(3, "inspect", "vae", env=env)
    (tmp_path / "unet-cells.safetensors").write_bytes(WEIGHTS.read_bytes())
    line = fails(3, "inspect", "unet", env=env)  # the published weights: others are not taken in their place
    assert "no weights called unet: " in line and "; did you mean unet-cells? limn-fetch unet downloads them" in line


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", json.loads((ROOT / "tools/checkpoint/catalog.json").read_text())["checkpoints"])
def test_published_weights_can_be_fetched(name: str, tmp_path: Path) -> None:
    line = fails(3, "inspect", name, env={"LIMN_WEIGHTS": str(tmp_path)})
    assert f"no weights called {name}: " in line and line.endswith(f"; limn-fetch {name} downloads them\n")


# Folders in folders

UPSCALE = ["upscale", "-m", WEIGHTS]


def make_tree(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(pixels(4, 5, 3, seed)))
    return folder


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_recursion_keeps_the_structure(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "a.png", "x/a.png", "x/y.old/z", "x/y.old/b.png", "w/c.gif", "v.png/d.png")
    shutil.copy(source / "x/a.png", source / "w/c.gif")
    (source / "empty").mkdir()
    succeeds(*UPSCALE, source, "-o", tmp_path / "flat")
    assert files_in(tmp_path / "flat") == ["a.png"]
    succeeds(*UPSCALE, "-r", f"{source}/", "-o", f"{tmp_path}/out/")
    assert files_in(tmp_path / "out") == [
        "a.png", "v.png/d.png", "w/c.png", "x/a.png", "x/y.old/b.png", "x/y.old/z.png"
    ]  # fmt: skip
    assert not (tmp_path / "out/empty").exists()
    succeeds(*UPSCALE, source / "x/y.old/b.png", "-o", tmp_path / "b.png", "--recursive")
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "out/x/y.old/b.png").read_bytes()


def test_recursion_ends_at_links_and_at_its_own_results(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "a.png", "x/b.png")
    make_tree(tmp_path / "far", "c.png")
    for link, target in {"up": "..", "x/here": ".", "self": "self", "none": "nowhere", "x/far": tmp_path / "far"}.items():
        (source / link).symlink_to(target)
    (source / "x/linked.png").symlink_to(tmp_path / "far/c.png")
    for options in ([], ["--force"]):
        succeeds(*UPSCALE, "-r", source, "-o", source / "x/large", *options)
        assert files_in(source / "x/large") == ["a.png", "x/b.png", "x/linked.png"]


def test_recursion_to_the_depth_that_paths_allow(tmp_path: Path) -> None:
    """The last picture's path has 4095 bytes; a level deeper there would be no path to it."""
    room = 4095 - len(f"{tmp_path}/in") - len("/a.png")
    levels = ["d"] * (room // 2 - 1) + ["d" * (1 + room % 2)]
    before = os.getcwd()
    try:
        os.chdir(make_tree(tmp_path / "in", "b.png"))
        for level in levels:
            os.mkdir(level)
            os.chdir(level)
        Path("a.png").write_bytes(png(pixels(4, 5)))
        table = succeeds("pixels", "dataset", "-r", tmp_path / "in")
        assert table.splitlines()[1].count(b",") == 5  # number, row, column, two pictures, mean
        os.mkdir("deeper.png")
        assert "the path is too long" in fails(2, "pixels", "dataset", "-r", tmp_path / "in")
    finally:
        os.chdir(before)
        subprocess.run(["rm", "-rf", tmp_path / "in"], check=True)  # rmtree calls itself at each level


def test_two_inputs_for_one_output_are_refused_before_any_work(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "x/0.png", "x/a.gif", "x/a.png", "y/a.png")
    line = fails(2, *UPSCALE, "-r", source, "-o", tmp_path / "out")
    assert f"{source}/x/a.gif and {source}/x/a.png would both be written to {tmp_path}/out/x/a.png" in line
    assert not (tmp_path / "out").exists()
    line = fails(2, *UPSCALE, source / "x/a.png", source / "y/a.png", "-o", tmp_path / "out")
    assert f"{source}/x/a.png and {source}/y/a.png would both be written to" in line


def test_one_bad_picture_does_not_stop_the_rest(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "a.png", "x/b.png", "x/c.png", "y/d.png")
    (source / "x/b.png").write_bytes(b"no picture")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/y").write_text("in the way")
    done = limn(*UPSCALE, "-r", source, "-o", tmp_path / "out")
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines), lines[2]) == (1, 3, "limn: 2 of 4 pictures failed")
    assert lines[0].startswith(f"limn: {source}/x/b.png: ") and lines[1].startswith(f"limn: {tmp_path}/out/y: ")
    assert files_in(tmp_path / "out") == ["a.png", "x/c.png", "y"]


def test_pipes_in_a_folder_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "pipe.png")
    assert "no pictures in this folder" in fails(4, "upscale", "-m", WEIGHTS, folder, "-o", tmp_path / "out", timeout=60)
    (folder / "a.png").write_bytes(png(pixels(4, 5)))
    succeeds("upscale", "-m", WEIGHTS, folder, "-o", tmp_path / "out", timeout=60)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_the_other_commands_that_take_folders(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "a.png", "x/a.png")
    succeeds("colorize", "-m", ROOT / "tests/goldens/eccv16.safetensors", "-r", source, "-o", tmp_path / "colour")
    assert files_in(tmp_path / "colour") == files_in(source)
    unet = ["segment", "-m", ROOT / "tests/goldens/unet-bilinear.safetensors", "--scale", "4", "--view", "mask", "-r"]
    succeeds(*unet, source, "-o", tmp_path / "masks")
    figures = succeeds(*unet, source, "-o", tmp_path / "again", "--truth", tmp_path / "masks", "--json")
    assert {Path(picture["truth"]): picture["accuracy"] for picture in json.loads(figures)["pictures"]} == {
        tmp_path / "masks/a.png": 1, tmp_path / "masks/x/a.png": 1,
    }  # fmt: skip
    pairs = json.loads(succeeds("compare", "-r", tmp_path / "masks", tmp_path / "again", "--json"))["pairs"]
    assert [Path(pair["a"]) for pair in pairs] == [tmp_path / "masks/a.png", tmp_path / "masks/x/a.png"]
    succeeds("pixels", "mean", "-r", source, "-o", tmp_path / "mean.png")
    one = succeeds("pixels", "mean", source / "a.png", source / "x/a.png", "-o", "-")
    assert (tmp_path / "mean.png").read_bytes() == one
    assert "--recursive applies only to dataset and mean" in fails(2, "pixels", "to-text", "-r", source / "a.png")


# Progress

BAR = r"\r\[[#.]{10,40}\] "
LEFT = r", [0-9.]+/s, \d+:\d\d left"


class Terminal:
    """A terminal that a run of the program writes to; what came is read when it has ended."""

    def __init__(self, columns: int = 80) -> None:
        try:
            self.master, self.end = pty.openpty()
        except OSError as error:
            pytest.skip(f"no terminal can be had here: {error}")
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def shown(self) -> str:
        os.close(self.end)
        shown = b""
        try:
            while part := os.read(self.master, 1 << 16):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(self.master)
        return shown.decode()

    def screen(self, shown: str) -> list[str]:
        """The lines on the terminal at the end; only line ends may have moved the cursor."""
        lines = []
        for text in shown.split("\n"):
            line = ""
            for part in text.split("\r"):
                assert part.isprintable(), repr(shown)
                line = part + line[len(part) :]
            lines.append(line.rstrip())
        return lines


def run_shown(*arguments, columns: int = 80, stdout: bool = False, **options) -> tuple[str, list[str]]:
    """What was written to the terminal, and the lines there at the end."""
    terminal = Terminal(columns)
    options = {"env": {"TERM": "xterm"}} | options | ({"stdout": terminal.end} if stdout else {})
    done = limn(*arguments, stderr=terminal.end, **options)
    shown = terminal.shown()
    assert done.returncode in (0, 1), shown
    return shown, terminal.screen(shown)


def generate(folder: Path, *options: str) -> list[str | Path]:
    return ["generate", "-m", ROOT / "tests/goldens/dcgan-3-stages.safetensors", "-n", "40", "-o", folder / "a.png", "-f", *options]


def test_a_bar_on_a_terminal_which_is_gone_in_the_end(tmp_path: Path) -> None:
    shown, screen = run_shown(*generate(tmp_path))
    assert re.search(BAR + r"\d+ of 40 pictures" + LEFT, shown) and screen == [""], shown
    source = tmp_path / "in.ppm"
    source.write_bytes(ppm(pixels(64, 20)))
    shown, screen = run_shown(*UPSCALE, source, "-o", tmp_path / "out.png", "--tile", "8")
    assert re.search(BAR + r"\d+ of 256 rows" + LEFT, shown) and screen == [""], shown
    (tmp_path / "bar").mkdir()
    succeeds(*UPSCALE, source, "-o", tmp_path / "bar/out.png", "--tile", "8")
    assert (tmp_path / "bar/out.png").read_bytes() == (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("columns", [1, 2, 12, 30, 60, 80, 300, 65535])
def test_a_bar_keeps_to_the_width_of_the_terminal(columns: int, tmp_path: Path) -> None:
    shown, screen = run_shown(*generate(tmp_path), columns=columns)
    longest = max(map(len, shown.replace("\n", "\r").split("\r")))
    assert longest < columns and longest < 120 and ("[" in shown) == (columns >= 60), shown
    assert screen == [""]


def test_no_bar_where_it_is_not_wanted(tmp_path: Path) -> None:
    for options, environment in ((["--quiet"], {"TERM": "xterm"}), ([], {"TERM": "dumb"})):
        assert run_shown(*generate(tmp_path, *options), env=environment)[0] == "", options
    source = make_tree(tmp_path / "in", "a.png", "b.png")
    shown, screen = run_shown("compare", source, source, stdout=True)  # whose lines come one by one
    assert "#" not in shown and "of 2 pairs" not in shown and len(screen) > 2, shown
    shown, _ = run_shown("compare", source, source)
    assert "\r[........................................] 0 of 2 pairs" in shown
    shown, screen = run_shown("verify", WEIGHTS, stdout=True)
    assert "\x1b" not in shown and screen[0].startswith(str(WEIGHTS))


def test_a_stream_is_counted(tmp_path: Path) -> None:
    """Without a bar: nobody knows how many pictures will come."""
    stream = ppm(pixels(120, 100)) * 4
    shown, screen = run_shown(*UPSCALE, "-", "-o", f"{tmp_path}/out/", "--kernels", "reference", input=stream)
    assert re.search(r"\r[1-9] pictures, [0-9.]+/s", shown) and "[" not in shown and screen == [""], shown


def test_messages_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", "a.png", "b.png", "c.png")
    (source / "b.png").write_bytes(b"no picture")
    shown, screen = run_shown(*UPSCALE, source, "-o", tmp_path / "out")
    assert "] 0 of 3 pictures" in shown
    assert screen[0].startswith(f"limn: {source}/b.png: ") and screen[1:] == ["limn: 1 of 3 pictures failed", ""], screen


def test_an_interrupted_run_takes_its_bar_away(tmp_path: Path) -> None:
    source = tmp_path / "in.ppm"
    source.write_bytes(ppm(pixels(4000, 400)))
    terminal = Terminal()
    environment = os.environ | {"TERM": "xterm"}
    command = [LIMN, *UPSCALE, source, "-o", tmp_path / "out.png", "--tile", "2"]
    with subprocess.Popen(command, stderr=terminal.end, env=environment) as run:
        seen = os.read(terminal.master, 64)
        run.send_signal(signal.SIGINT)
        assert run.wait() == -signal.SIGINT
    shown = seen.decode() + terminal.shown()
    assert "rows" in shown and terminal.screen(shown) == [""] and not (tmp_path / "out.png").exists()


# Reports


MAKERS = {
    "upscale": UPSCALE,
    "colorize": ["colorize", "-m", ROOT / "tests/goldens/eccv16.safetensors"],
    "segment": ["segment", "-m", ROOT / "tests/goldens/unet-bilinear.safetensors", "--scale", "4"],
}


@pytest.mark.parametrize("command", MAKERS.values(), ids=MAKERS)
def test_json_says_what_was_written(command: list[str], tmp_path: Path) -> None:
    source, output = make_tree(tmp_path / "in", "1.gif", "2.png", "3.png"), tmp_path / "out"
    (source / "2.png").write_bytes(b'no "picture"')
    done = limn(*command, source, "-o", output, "--json")
    report = json.loads(done.stdout)
    first, bad, last = report["pictures"]
    assert done.returncode == report["failed"] == 1
    assert done.stderr.decode().splitlines()[0] == f"limn: {bad.pop('error')}"
    times = [picture.pop("seconds") for picture in (first, bad, last)]
    assert min(times) >= 0 and report["seconds"] >= sum(times) - 2e-6  # each is rounded
    assert bad == {"input": f"{source}/2.png"}
    assert first | {"input": f"{source}/1.gif", "output": f"{output}/1.png"} == first
    assert last | {"input": f"{source}/3.png", "output": f"{output}/3.png"} == last
    found = {"width", "height", "classes"} if command[0] == "segment" else set()
    assert first.keys() == last.keys() == {"input", "output"} | found
    one = json.loads(succeeds(*command, source / "3.png", "-o", tmp_path / "a.png", "--json"))
    assert [picture["output"] for picture in one["pictures"]] == [f"{tmp_path}/a.png"] and one["failed"] == 0
    done = limn(*command, source / "2.png", "-o", tmp_path / "b.png", "--json")
    assert (done.returncode, done.stdout) == (4, b"")
    assert "standard output" in fails(2, *command, source / "1.gif", "-o", "-", "--json")
