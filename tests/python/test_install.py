"""make install, uninstall, dist and deb; programs built against what is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import cli_support
import numpy as np
import pytest
from cli_support import LIMN, ROOT, copied_build, has_openblas, need_openblas, one_process, pixels, ppm

BUILD = Path(LIMN).resolve().parent
Make = Callable[..., str]
HEADER = (ROOT / "engine/limn.h").read_text()
VERSION = re.search(r'#define LIMN_VERSION "(.+)"', HEADER)[1]
SONAME = "liblimn.so." + VERSION.split(".")[0]
DEMOS = sorted(path.name.replace("-loss.png", ".safetensors") for path in (ROOT / "weights").glob("*-loss.png"))
TOOLS = [path.relative_to(ROOT) for path in (ROOT / "tools/checkpoint").iterdir() if path.suffix in (".py", ".json")]
FILES = [
    "bin/limn",
    "bin/limn-convert",
    "bin/limn-fetch",
    "include/limn.h",
    "lib/liblimn.a",
    "lib/liblimn.so",
    f"lib/{SONAME}",
    f"lib/liblimn.so.{VERSION}",
    "lib/pkgconfig/limn.pc",
    "share/bash-completion/completions/limn",
    "share/fish/vendor_completions.d/limn.fish",
    *sorted(f"share/limn/{path}" for path in (*TOOLS, "tools/convert.py", "tools/fetch.py")),
    *(f"share/limn/weights/{name}" for name in DEMOS),
    "share/man/man1/limn.1",
    "share/zsh/site-functions/_limn",
]

pytestmark = pytest.mark.skipif(not (BUILD / "liblimn.a").exists(), reason="LIMN is in no build folder")


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, env=env or os.environ, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the objects. A different PREFIX= rebuilds the libraries and the program; other tests use the original."""
    folder = tmp_path_factory.mktemp("build")
    copied_build(BUILD, folder)
    return folder


@pytest.fixture(scope="module")
def make(build_folder: Path) -> Make:
    """make in that folder, with the same BLAS=."""
    same = [f"BUILD={os.path.relpath(build_folder, ROOT)}", *["BLAS=none"] * (not has_openblas())]
    return lambda *arguments: cli_support.make(*same, *arguments)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())


@pytest.fixture(scope="module")
def installed(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    make("install", f"DESTDIR={folder}", "PREFIX=/opt/limn")
    return folder / "opt/limn"


def pkg_config(installed: Path, *arguments: str) -> list[str]:
    prefix = re.search("^prefix=(.+)", (installed / "lib/pkgconfig/limn.pc").read_text())[1]
    env = os.environ | {
        "PKG_CONFIG_LIBDIR": str(installed / "lib/pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(installed).removesuffix(prefix),
    }
    return run("pkg-config", *arguments, "limn", env=env).split()


def static_flags(installed: Path) -> list[str]:
    flags = pkg_config(installed, "--cflags", "--libs", "--static")
    return [flag.replace("-llimn", "-l:liblimn.a") for flag in flags]


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


def test_install_puts_these_files_and_uninstall_takes_them_back(make: Make, tmp_path: Path) -> None:
    where = [f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    make("install", *where)
    assert files_below(tmp_path / "usr") == FILES
    make("uninstall", *where)
    assert files_below(tmp_path) == []
    assert not (tmp_path / "usr/share/limn").exists()
    make("uninstall", *where)


def test_every_place_can_be_chosen(make: Make, tmp_path: Path) -> None:
    names = ["BINDIR", "LIBDIR", "INCLUDEDIR", "PKGCONFIGDIR", "MANDIR", "BASHDIR", "ZSHDIR", "FISHDIR", "DATADIR"]
    where = [f"DESTDIR={tmp_path}/a b", *(f"{name}=/{name}" for name in names)]
    make("install", *where)
    files = files_below(tmp_path / "a b")
    assert len(files) == len(FILES)
    assert {path.split("/")[0] for path in files} == set(names)
    make("uninstall", *where)
    assert files_below(tmp_path) == []


def test_uninstall_leaves_what_others_put_there(make: Make, tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}")
    mine = tmp_path / "usr/local/share/limn/weights/mine.safetensors"
    mine.write_bytes(b"")
    make("uninstall", f"DESTDIR={tmp_path}")
    assert files_below(tmp_path) == [str(mine.relative_to(tmp_path))]


def test_installed_program_finds_its_weights_by_name_wherever_it_is_moved(make: Make, tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}/before")
    os.rename(tmp_path / "before", tmp_path / "after")
    env = {name: text for name, text in os.environ.items() if name != "LIMN_WEIGHTS"}
    assert "enhancenet" in run(tmp_path / "after/usr/local/bin/limn", "inspect", "enhancenet", cwd=tmp_path, env=env)
    (tmp_path / "limn").symlink_to("after/usr/local/bin/limn")
    assert "enhancenet" in run(tmp_path / "limn", "inspect", "enhancenet", cwd=tmp_path, env=env)


def test_installed_tools_run_wherever_they_are_moved(make: Make, tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}/before")
    os.rename(tmp_path / "before", tmp_path / "after")
    programs = tmp_path / "after/usr/local/bin"
    (tmp_path / "python3").symlink_to(sys.executable)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    files = files_below(tmp_path)
    assert "deeplabv3" in run(programs / "limn-fetch", "--list", env=env, cwd=tmp_path)
    weights = ROOT / "weights/enhancenet.safetensors"
    assert "enhancenet" in run(programs / "limn-convert", weights, "-o", tmp_path / "mine.safetensors", env=env)
    assert files_below(tmp_path) == sorted([*files, "mine.safetensors"])  # no __pycache__
    (tmp_path / "limn-fetch").symlink_to(programs / "limn-fetch")
    assert "deeplabv3" in run(tmp_path / "limn-fetch", "--list", env=env)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ldd"), reason="needs root, and ldd")
def test_installed_program_finds_its_weights_without_proc(installed: Path, tmp_path: Path) -> None:
    """In a bare chroot, where /proc/self/exe does not name the program."""
    root = tmp_path / "root"
    shutil.copytree(installed, root)
    for library in re.findall(r"/\S+", run("ldd", root / "bin/limn").replace(str(root), "")):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    assert "enhancenet" in run("chroot", root, "/bin/limn", "inspect", "enhancenet")


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


@pytest.fixture(scope="module")
def at_prefix(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed where it is to stay. DESTDIR=/ changes nothing, and keeps ldconfig from running."""
    folder = tmp_path_factory.mktemp("prefix")
    make("install", "DESTDIR=/", f"PREFIX={folder}")
    return folder


class Program:
    """A program of the header, to be built in C or C++ and run in an empty folder."""

    def __init__(self, folder: Path, number: int, name: str) -> None:
        self.folder, self.name = folder, name
        self.source = header_programs()[number]
        self.begin, self.end = [("\r  0 %", "\r100 %"), ("", "")][number]
        self.empty = folder / "empty"
        self.empty.mkdir()

    def build(self, *arguments: str) -> Path:
        return build(self.folder, self.source, *arguments, name=self.name)

    def run(self, name: str = "", **env: str | Path) -> tuple[int, str]:
        """Exit code and stderr with these variables, and argv[0] if given. The caller's are left out."""
        ours = ("LIMN_WEIGHTS", "LD_LIBRARY_PATH")
        env = {name: text for name, text in os.environ.items() if name not in ours} | env
        program = self.folder / "program"
        done = subprocess.run(
            [name or program], executable=program, cwd=self.empty, env=env, capture_output=True, timeout=100
        )
        assert (done.stdout, os.listdir(self.empty)) == (b"", [])
        return done.returncode, done.stderr.decode()

    def succeeds(self, name: str = "", **env: str | Path) -> None:
        code, said = self.run(name, **env)
        assert code == 0, said
        assert said.startswith(self.begin) and said.endswith(self.end)
        assert said or not self.begin

    def fails(self, **env: str | Path) -> str:
        code, said = self.run(**env)
        assert code == 1 and said.count("\n") == 1, said
        return said


@pytest.fixture(params=["first program", "second program"])
def number(request: pytest.FixtureRequest) -> int:
    return int(request.param.startswith("second"))


@pytest.fixture(params=["program.c", "program.cc"])
def program(request: pytest.FixtureRequest, number: int, tmp_path: Path) -> Program:
    if request.param == "program.cc" and not shutil.which("c++"):
        pytest.skip("needs a C++ compiler")
    return Program(tmp_path, number, request.param)


def test_header_programs_find_their_weights_at_a_prefix(at_prefix: Path, program: Program) -> None:
    (libdir,) = pkg_config(at_prefix, "--variable=libdir")
    program.build(*pkg_config(at_prefix, "--cflags", "--libs"), f"-Wl,-rpath,{libdir}")
    program.succeeds()
    bad = program.folder / "bad/enhancenet.safetensors"
    bad.parent.mkdir()
    bad.touch()
    assert str(bad) in program.fails(LIMN_WEIGHTS=str(bad.parent))


def test_header_programs_find_their_weights_in_a_moved_tree(installed: Path, program: Program) -> None:
    program.build(*pkg_config(installed, "--cflags", "--libs"))
    moved = program.folder / "moved"
    shutil.copytree(installed, moved, symlinks=True)
    program.succeeds(LD_LIBRARY_PATH=str(moved / "lib"))
    program.succeeds(LD_LIBRARY_PATH="../moved/lib")
    (program.folder / "links").mkdir()
    (program.folder / "links" / SONAME).symlink_to(moved / "lib" / SONAME)
    program.succeeds(LD_LIBRARY_PATH=str(program.folder / "links"))
    shutil.rmtree(moved / "share/limn/weights")
    line = program.fails(LD_LIBRARY_PATH=str(moved / "lib"))
    assert line.startswith("no weights called enhancenet: enhancenet.safetensors was not found in ")
    for place in ("$LIMN_WEIGHTS (not set)", moved / "lib", program.folder, "/opt/limn/share/limn/weights"):
        assert str(place) in line
    assert "tools/" not in line  # the library has no tools


def test_header_programs_find_their_weights_when_linked_statically(at_prefix: Path, program: Program) -> None:
    program.build(*static_flags(at_prefix))
    program.succeeds()
    program.succeeds(name="/nowhere/lib/limn")
    program.succeeds(name="limn")
    shutil.copytree(at_prefix / "share/limn/weights", program.folder / "weights")
    (at_prefix / "share").rename(at_prefix / "away")
    try:
        program.succeeds(name="limn")  # beside the program
        shutil.rmtree(program.folder / "weights")
        line = program.fails()
    finally:
        (at_prefix / "away").rename(at_prefix / "share")
    assert "beside the library" not in line and str(at_prefix / "share/limn/weights") in line


def test_another_prefix_is_compiled_in_and_destdir_is_not(make: Make, tmp_path: Path) -> None:
    for prefix in ("/opt/one", "/opt/two", "/opt/two"):
        make("install", f"DESTDIR={tmp_path}", f"PREFIX={prefix}")
        for name in ("bin/limn", "lib/liblimn.so", "lib/liblimn.a"):
            held = (tmp_path / prefix[1:] / name).read_bytes()
            assert f"\0{prefix}/share/limn/weights\0".encode() in held
            assert str(tmp_path).encode() not in held


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
    program = build(tmp_path, PROGRAM, *static_flags(installed))
    assert "liblimn" not in run("readelf", "-d", program)
    assert results(program, installed) == PRINTED


def without_threads(*command: str | Path, cwd: Path, **env: str) -> str:
    """What a program prints where no thread can be started. OpenBLAS must say nothing."""
    options = {"env": os.environ | env, "capture_output": True, "text": True, "timeout": 100}
    done = subprocess.run(command, cwd=cwd, preexec_fn=one_process(), **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_program_where_no_thread_can_be_started(installed: Path, public_folder: Path) -> None:
    source = PROGRAM.replace("options.threads = 1", "options.threads = 4")
    program = build(public_folder, source, "-std=c99", *pkg_config(installed, "--cflags", "--libs"))
    shutil.copytree(installed / "lib", public_folder / "lib", symlinks=True)
    shutil.copy(installed / "share/limn/weights/enhancenet.safetensors", public_folder)
    assert without_threads(program, cwd=public_folder, LD_LIBRARY_PATH=f"{public_folder}/lib") == PRINTED


@pytest.mark.skipif(not list(Path("/usr/lib").glob("*/libopenblas.a")), reason="needs OpenBLAS's static library")
def test_limn_with_openblas_linked(public_folder: Path) -> None:
    """As by make BLAS_SONAME=, in which one object differs."""
    need_openblas()
    gemm, program = public_folder / "gemm.o", public_folder / "limn"
    run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-I.", "-c", "layers/gemm.c", "-o", gemm)
    objects = [*sorted((BUILD / "apps/cli").glob("*.o")), gemm, BUILD / "liblimn.a"]
    run("cc", "-static", "-pthread", "-o", program, *objects, "-lopenblas", "-lm")
    line = run(program, "--version")
    assert line == run(LIMN, "--version") and "OpenBLAS core" in line
    assert re.sub(r"\d+ threads?", "1 thread", line) == without_threads(program, "--version", cwd=public_folder)


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
    flags = static_flags(installed) if how == "static" else pkg_config(installed, "--cflags", "--libs")
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


@pytest.mark.parametrize("how", ["shared", "static", "c++"])
def test_a_users_program_that_looks_into_a_run(installed: Path, tmp_path: Path, how: str) -> None:
    """tests/user_tensors.c writes what `limn explain --json` and `limn run --dump` write."""
    if how == "c++" and not shutil.which("c++"):
        pytest.skip("needs a C++ compiler")
    flags = static_flags(installed) if how == "static" else pkg_config(installed, "--cflags", "--libs")
    source = (ROOT / "tests/user_tensors.c").read_text()
    user = build(tmp_path, source, "-Wconversion", *flags, name="program.cc" if how == "c++" else "program.c")
    env = os.environ | {"LD_LIBRARY_PATH": str(installed / "lib")}
    weights, node = installed / "share/limn/weights/unet-cells.safetensors", "up1.conv.double_conv.0"
    x = np.random.default_rng(1).random((1, 3, 48, 64), np.float32)
    np.save(tmp_path / "x.npy", x)
    x.tofile(tmp_path / "x")
    said = run(user, weights, "48", "64", node, "x", "value", "y", cwd=tmp_path, env=env)
    limn = installed / "bin/limn"
    explained = run(limn, "explain", "--json", "-m", weights, "--size", "48x64")
    steps = "".join(f"{step['node']} {step['variant']}\n" for step in json.loads(explained)["steps"])
    assert said == explained + steps
    run(limn, "run", "-m", weights, "x.npy", "-o", "y.npy", "--dump", f"{node}=value.npy", cwd=tmp_path)
    for name in ["value", "y"]:
        assert (tmp_path / name).read_bytes() == np.load(tmp_path / f"{name}.npy").tobytes(), name


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
def test_dist_holds_the_repository(make: Make, build_folder: Path) -> None:
    make("dist", "PAGE=")
    with tarfile.open(build_folder / f"limn-{VERSION}.tar.gz") as archive:
        names = {member.name for member in archive if not member.isdir()}
    tracked = run("git", "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert names == {f"limn-{VERSION}/{name}" for name in tracked}


@pytest.mark.skipif(not shutil.which("dpkg-shlibdeps"), reason="needs dpkg-dev")
def test_deb(make: Make, build_folder: Path, tmp_path: Path) -> None:
    make("deb")
    (package,) = build_folder.glob(f"limn_{VERSION}_*.deb")
    fields = run("dpkg-deb", "-f", package)
    assert f"Package: limn\nVersion: {VERSION}\n" in fields
    (depends,) = re.findall(r"^Depends: (.*libc6.*)", fields, re.MULTILINE)
    assert ("libopenblas" in depends) == has_openblas()
    run("dpkg-deb", "-x", package, tmp_path)
    files = [re.sub(r"lib/[a-z0-9_]+-linux-gnu\w*/", "lib/", path) for path in files_below(tmp_path / "usr")]
    moved = {"share/man/man1/limn.1": ".gz", "share/zsh/site-functions/_limn": ""}
    assert set(FILES) - moved.keys() < set(files)
    assert {"share/man/man1/limn.1.gz", "share/zsh/vendor-completions/_limn", "share/doc/limn/copyright"} < set(files)
    assert len(files) == len(FILES) + 1
    assert "enhancenet" in run(tmp_path / "usr/bin/limn", "inspect", "enhancenet", cwd=tmp_path)
    (library,) = (tmp_path / "usr/lib").glob(f"*/{SONAME}")  # in a folder of the architecture
    program = Program(tmp_path, 1, "program.c")
    program.build(f"-I{tmp_path}/usr/include", f"-L{library.parent}", "-llimn")
    program.succeeds(LD_LIBRARY_PATH=str(library.parent))
