"""make install, uninstall, dist and deb; programs built against what is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, pixels, ppm

BUILD = Path(LIMN).resolve().parent
HEADER = (ROOT / "engine/limn.h").read_text()
VERSION = re.search(r'#define LIMN_VERSION "(.+)"', HEADER)[1]
SONAME = "liblimn.so." + VERSION.split(".")[0]
DEMOS = sorted(path.name.replace("-loss.png", ".safetensors") for path in (ROOT / "weights").glob("*-loss.png"))
FILES = [
    "bin/limn",
    "include/limn.h",
    "lib/liblimn.a",
    "lib/liblimn.so",
    f"lib/{SONAME}",
    f"lib/liblimn.so.{VERSION}",
    "lib/pkgconfig/limn.pc",
    "share/bash-completion/completions/limn",
    "share/fish/vendor_completions.d/limn.fish",
    *(f"share/limn/weights/{name}" for name in DEMOS),
    "share/man/man1/limn.1",
    "share/zsh/site-functions/_limn",
]

pytestmark = pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder")


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, env=env or os.environ, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def make(*arguments: str) -> str:
    """make with these arguments alone: those of a make that runs the tests play no part."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return run("make", f"BUILD={os.path.relpath(BUILD, ROOT)}", *arguments, env=env)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    make("install", f"DESTDIR={folder}", "PREFIX=/opt/limn")
    return folder / "opt/limn"


def pkg_config(installed: Path, *arguments: str) -> list[str]:
    env = os.environ | {
        "PKG_CONFIG_LIBDIR": str(installed / "lib/pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(installed.parents[1]),
    }
    return run("pkg-config", *arguments, "limn", env=env).split()


def build(folder: Path, source: str, *arguments: str, name: str = "program.c") -> Path:
    (folder / name).write_text(source)
    compiler = "c++" if name.endswith(".cc") else "cc"
    run(compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", name, "-o", "program", *arguments, cwd=folder)
    return folder / "program"


def results(program: Path, installed: Path) -> str:
    """What a program prints that finds the shared library, and the demo weights in its working directory."""
    weights = program.parent / "enhancenet.safetensors"
    shutil.copy(installed / "share/limn/weights/enhancenet.safetensors", weights)
    return run(program, cwd=program.parent, env=os.environ | {"LD_LIBRARY_PATH": str(installed / "lib")})


# ---- what is installed


def test_install_puts_these_files_and_uninstall_takes_them_back(tmp_path: Path) -> None:
    where = [f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    make("install", *where)
    assert files_below(tmp_path / "usr") == FILES
    make("uninstall", *where)
    assert files_below(tmp_path) == []
    assert not (tmp_path / "usr/share/limn").exists()
    make("uninstall", *where)


def test_every_place_can_be_chosen(tmp_path: Path) -> None:
    names = ["BINDIR", "LIBDIR", "INCLUDEDIR", "PKGCONFIGDIR", "MANDIR", "BASHDIR", "ZSHDIR", "FISHDIR", "DATADIR"]
    where = [f"DESTDIR={tmp_path}/a b", *(f"{name}=/{name}" for name in names)]
    make("install", *where)
    files = files_below(tmp_path / "a b")
    assert len(files) == len(FILES)
    assert {path.split("/")[0] for path in files} == set(names)
    make("uninstall", *where)
    assert files_below(tmp_path) == []


def test_uninstall_leaves_what_others_put_there(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}")
    mine = tmp_path / "usr/local/share/limn/weights/mine.safetensors"
    mine.write_bytes(b"")
    make("uninstall", f"DESTDIR={tmp_path}")
    assert files_below(tmp_path) == [str(mine.relative_to(tmp_path))]


def test_installed_program_finds_its_weights_by_name_wherever_it_is_moved(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}/before")
    os.rename(tmp_path / "before", tmp_path / "after")
    env = {name: text for name, text in os.environ.items() if name != "LIMN_WEIGHTS"}
    assert "enhancenet" in run(tmp_path / "after/usr/local/bin/limn", "inspect", "enhancenet", cwd=tmp_path, env=env)
    (tmp_path / "limn").symlink_to("after/usr/local/bin/limn")
    assert "enhancenet" in run(tmp_path / "limn", "inspect", "enhancenet", cwd=tmp_path, env=env)


def test_one_version_everywhere(installed: Path) -> None:
    assert pkg_config(installed, "--modversion") == [VERSION]
    assert f"[{SONAME}]" in run("readelf", "-d", installed / "lib/liblimn.so")
    assert run(installed / "bin/limn", "--version").startswith(f"limn {VERSION},")
    assert f'"limn {VERSION}"' in (installed / "share/man/man1/limn.1").read_text()


# ---- the library


def test_libraries_export_what_the_header_declares(installed: Path) -> None:
    declared = set(re.findall(r"^\w.*?\b\*?(limn_\w+)\(", HEADER, re.MULTILINE))
    shared = run("nm", "-D", "--defined-only", "--format=posix", installed / "lib/liblimn.so")
    static = run("nm", "-g", "--defined-only", "--format=posix", installed / "lib/liblimn.a")
    functions = {line.split("@")[0].split()[0] for line in shared.splitlines() if line.split()[1] == "T"}
    assert functions == declared
    assert len(shared.splitlines()) == len(declared) + 1  # and the name of the version
    assert {line.split()[0] for line in static.splitlines() if len(line.split()) > 1} == declared


def header_programs() -> list[str]:
    """The complete programs in the comment of limn.h."""
    comment = HEADER[: HEADER.index("*/")]
    programs = re.findall(r"^ \*     #include <limn.h>\n(?: \*(?:     .*)?\n)+", comment, re.MULTILINE)
    return [re.sub(r"^ \* {0,5}", "", program, flags=re.MULTILINE) for program in programs]


@pytest.mark.parametrize(("number", "progress"), [(0, b"  0 %"), (1, b"")])
def test_programs_in_the_header_run(installed: Path, tmp_path: Path, number: int, progress: bytes) -> None:
    program = build(tmp_path, header_programs()[number], *pkg_config(installed, "--cflags", "--libs"))
    environment = os.environ | {"LD_LIBRARY_PATH": str(installed / "lib")}
    done = subprocess.run([program], cwd=tmp_path, env=environment, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"enhancenet.safetensors" in done.stderr  # it is not there yet
    assert results(program, installed) == ""
    done = subprocess.run([program], cwd=tmp_path, env=environment, capture_output=True)
    assert done.stderr.split(b"\r")[:2][-1] == progress
    assert done.stderr.endswith(b"\r100 %" if progress else b"")


PROGRAM = r"""
#include <limn.h>
#include <stdio.h>
#include <string.h>

/* Names that limn has inside. */
int fail(void);
int picture_read(void);
int conv2d(void);
int stbi_failure_reason(void);
int fail(void) { return 1; }
int picture_read(void) { return 2; }
int conv2d(void) { return 3; }
int stbi_failure_reason(void) { return 4; }

int main(void)
{
    static float x[3 * 8 * 8], y[3 * 32 * 32];
    limn_options options;
    limn_size size = {1, 8, 8};
    limn_error error;
    limn_engine *engine = NULL;
    limn_model *model = NULL;
    limn_session *session = NULL;
    memset(&options, 0, sizeof options);
    options.threads = 1;
    for (int i = 0; i < 3 * 8 * 8; i++)
        x[i] = 0.5f;
    if (limn_engine_create(&options, &engine, &error) ||
        limn_model_load(engine, "enhancenet.safetensors", &model, &error) ||
        limn_session_create(model, size, &session, &error) || limn_session_set_input(session, 0, x, &error) ||
        limn_session_run(session, &error) || limn_session_get_output(session, y, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    limn_shape shape = limn_session_output_shape(session);
    printf("%s %d %d %d\n", limn_model_name(model), (int)shape.h, (int)shape.w, y[0] > 0.2f && y[0] < 0.8f);
    limn_session_free(session), limn_model_free(model), limn_engine_free(engine);
    return fail() + picture_read() + conv2d() + stbi_failure_reason() - 10;
}
"""
PRINTED = "enhancenet 32 32 1\n"


def test_program_with_the_shared_library(installed: Path, tmp_path: Path) -> None:
    program = build(tmp_path, PROGRAM, "-std=c99", *pkg_config(installed, "--cflags", "--libs"))
    assert SONAME in run("readelf", "-d", program)
    assert results(program, installed) == PRINTED


def test_program_with_the_static_library(installed: Path, tmp_path: Path) -> None:
    flags = pkg_config(installed, "--cflags", "--libs", "--static")
    program = build(tmp_path, PROGRAM, *(flag.replace("-llimn", "-l:liblimn.a") for flag in flags))
    assert "liblimn" not in run("readelf", "-d", program)
    assert results(program, installed) == PRINTED


@pytest.mark.skipif(not shutil.which("c++"), reason="needs a C++ compiler")
def test_program_in_cplusplus(installed: Path, tmp_path: Path) -> None:
    program = build(tmp_path, PROGRAM, *pkg_config(installed, "--cflags", "--libs"), name="program.cc")
    assert results(program, installed) == PRINTED


# ---- pipelines

PIPELINES = [  # weights, the pipeline, and what makes the program do the same
    ("deeplabv3-scenes", "segment", ["--view", "color"]),
    ("unet-cells", "segment", ["--view", "color"]),
    ("enhancenet", "upscale", []),
    ("eccv16-scenes", "colorize", []),
    ("siggraph17-scenes", "colorize", ["--hints", "hints.txt"]),
    ("vae-scenes", "colorize", []),
    ("dcgan-digits", "generate", ["-n", "3", "--seed", "7"]),
]


@pytest.mark.parametrize("how", ["shared", "static", "c++"])
def test_pipelines_of_a_users_program(installed: Path, tmp_path: Path, how: str) -> None:
    """tests/user_program.c cancels each pipeline, then makes the program's pictures, byte by byte."""
    if how == "c++" and not shutil.which("c++"):
        pytest.skip("needs a C++ compiler")
    flags = pkg_config(installed, "--cflags", "--libs", *(["--static"] if how == "static" else []))
    if how == "static":
        flags = [flag.replace("-llimn", "-l:liblimn.a") for flag in flags]
    source = (ROOT / "tests/user_program.c").read_text()
    user = build(tmp_path, source, "-Wconversion", *flags, name="program.cc" if how == "c++" else "program.c")
    env = os.environ | {"LD_LIBRARY_PATH": str(installed / "lib")}
    (tmp_path / "in.ppm").write_bytes(ppm(pixels(60, 75)))
    (tmp_path / "hints.txt").write_text("12 9 #c83232 3\n")
    for weights, command, options in PIPELINES:
        path = installed / f"share/limn/weights/{weights}.safetensors"
        inputs = [] if command == "generate" else ["in.ppm"]
        said = run(user, command, path, *inputs, "mine.ppm", cwd=tmp_path, env=env)
        run(installed / "bin/limn", command, "-m", path, *inputs, *options, "-o", "limn.ppm", "-f", cwd=tmp_path)
        assert (tmp_path / "mine.ppm").read_bytes() == (tmp_path / "limn.ppm").read_bytes(), weights
        names = r"\w[^,;]*(, \w[^,;]*)+" if command == "segment" else ""
        assert re.fullmatch(rf"cancelled, \d+ % were done; {names}\n", said), (weights, said)


# ---- packages


needs_repository = pytest.mark.skipif(
    not (ROOT / ".git").exists() or not shutil.which("git"), reason="needs the repository, and git"
)


@needs_repository
def test_all_weights_of_the_repository_are_installed() -> None:
    tracked = run("git", "ls-files", "weights/*.safetensors").splitlines()
    assert [f"weights/{name}" for name in DEMOS] == sorted(tracked)


def test_no_weights_of_the_repository_pass_for_published_ones() -> None:
    published = json.loads((ROOT / "tools/checkpoint/catalog.json").read_text())["checkpoints"]
    assert not {name.removesuffix(".safetensors") for name in DEMOS} & set(published)


@needs_repository
def test_dist_holds_the_repository() -> None:
    make("dist")
    with tarfile.open(BUILD / f"limn-{VERSION}.tar.gz") as archive:
        names = {member.name for member in archive if not member.isdir()}
    tracked = run("git", "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert names == {f"limn-{VERSION}/{name}" for name in tracked}


@pytest.mark.skipif(not shutil.which("dpkg-shlibdeps"), reason="needs dpkg-dev")
def test_deb(tmp_path: Path) -> None:
    make("deb")
    (package,) = BUILD.glob(f"limn_{VERSION}_*.deb")
    fields = run("dpkg-deb", "-f", package)
    assert f"Package: limn\nVersion: {VERSION}\n" in fields
    assert re.search(r"^Depends: .*libc6.*libopenblas", fields, re.MULTILINE)
    run("dpkg-deb", "-x", package, tmp_path)
    files = [re.sub(r"lib/[a-z0-9_]+-linux-gnu\w*/", "lib/", path) for path in files_below(tmp_path / "usr")]
    moved = {"share/man/man1/limn.1": ".gz", "share/zsh/site-functions/_limn": ""}
    assert set(FILES) - moved.keys() < set(files)
    assert {"share/man/man1/limn.1.gz", "share/zsh/vendor-completions/_limn", "share/doc/limn/copyright"} < set(files)
    assert len(files) == len(FILES) + 1
    assert "enhancenet" in run(tmp_path / "usr/bin/limn", "inspect", "enhancenet", cwd=tmp_path)
