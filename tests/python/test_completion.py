"""limn --manual and limn --completion: what man, bash, zsh and fish make of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, fails, succeeds

SHELLS = ["bash", "zsh", "fish"]


def commands() -> list[str]:
    listed = succeeds("--help").decode().split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(command: str) -> dict[str, str | None]:
    """Every option of a command, as its help has them, and the argument that it takes."""
    listed = succeeds(command, "--help").decode().split("\noptions:\n")[1]
    found = re.findall(r"^  (-.)?,? +(--[a-z-]+)(?: (\S+))?(?:  |$)", listed, re.MULTILINE)
    names = {name: argument or None for letter, *long in found for name, argument in [(letter, long[1]), long] if name}
    assert {"-h", "--help", "--memory-limit"} < names.keys()
    return names


def run(*command: str, **more) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)
    assert (done.returncode, done.stderr) == (0, ""), (command, done.returncode, done.stderr)
    return done.stdout


def script(shell: str) -> str:
    return succeeds("--completion", shell).decode()


def test_another_shell_is_a_usage_error() -> None:
    assert "bash, zsh or fish" in fails(2, "--completion", "csh")


# ---- the manual page

needs_groff = pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")


@needs_groff
def test_manual_is_sound() -> None:
    """groff has nothing to warn of, whatever warnings there are."""
    run("groff", "-ww", "-man", "-Tutf8", "-z", input=succeeds("--manual").decode())


@needs_groff
def test_manual_says_what_the_help_says() -> None:
    def words(text: str) -> str:
        return " ".join(text.replace("\u2010\n", "").split())

    page = run("groff", "-man", "-Tascii", "-P-cbou", "-rHY=0", "-rLL=200n", input=succeeds("--manual").decode())
    for command in commands():
        example, details = succeeds(command, "--help").decode().split("\n\n", 1)
        details, listed = details.split("\noptions:\n")
        section = page[page.index(f"limn {command}: ") :]
        assert words(example) in words(section)
        for paragraph in re.sub(r"^limn .*\nusage: ", "", details).split("\n\n"):
            assert words(paragraph) in words(section), (command, paragraph)
        for line in words(re.sub(r"^  +", "@", listed, flags=re.MULTILINE)).split("@")[1:]:
            assert words(line) in words(section), (command, line)


# ---- completions


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_sound(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    (tmp_path / "script").write_text(script(shell))
    run(shell, "-n", str(tmp_path / "script"))


class Bash:
    """What bash offers for the last of these words."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        return run(
            "bash",
            "-c",
            f"limn() {{ {LIMN} \"$@\"; }}\n{script('bash')}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
            "$(complete -p limn | sed 's/.*-F \\([^ ]*\\) .*/\\1/') limn \"${COMP_WORDS[-1]}\" \"${COMP_WORDS[-2]}\"\n"
            'for word in "${COMPREPLY[@]}"; do echo "$word"; done',
            cwd=self.folder,
        ).splitlines()


class Fish:
    """The same of fish."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> list[str]:
        # The shell takes --NAME=VALUE for one word, and completes the whole of it.
        line = " ".join(words).replace(" = ", "=")
        env = os.environ | {"PATH": f"{Path(LIMN).parent}:{os.environ['PATH']}", "HOME": str(self.folder.parent), "XDG_DATA_DIRS": "/usr/share"}
        printed = run("fish", "-c", f"{script('fish')}\ncomplete -C '{line}'", cwd=self.folder, env=env)
        return [entry.split("\t")[0].split("=")[-1] for entry in printed.splitlines()]


@pytest.fixture(params=[Bash, Fish])
def offered(request: pytest.FixtureRequest, tmp_path: Path):
    if not shutil.which(request.param.__name__.lower()):
        pytest.skip(f"needs {request.param.__name__.lower()}")
    folder = tmp_path / "here"
    (folder / "folder").mkdir(parents=True)
    (folder / "a picture.png").touch()
    return request.param(folder)


def test_commands_are_offered(offered) -> None:
    assert {*commands(), "help"} <= set(offered("limn", ""))
    assert offered("limn", "seg") == ["segment"]
    assert set(offered("limn", "--v")) == {"--version"}
    assert set(offered("limn", "help", "")) >= set(commands())
    assert sorted(offered("limn", "--completion", "")) == sorted(SHELLS)


def test_options_of_each_command_are_offered_and_no_others(offered) -> None:
    for command in commands():
        names = {name for name in options(command) if name.startswith("--")}
        assert {word for word in offered("limn", command, "--") if word != "--"} == names, command


def test_values_are_offered(offered) -> None:
    tried = 0
    for command in commands():
        for name, argument in options(command).items():
            if argument and re.fullmatch(r"[a-z0-9-]+(\|[a-z0-9-]+)+", argument):
                assert set(offered("limn", command, name, "")) == set(argument.split("|")), (command, name)
                tried += 1
    assert tried >= len(commands())
    assert offered("limn", "segment", "--view", "si") == ["side"]
    assert offered("limn", "segment", "--view", "=", "si") == ["side"]
    assert offered("limn", "run", "x.npy", "--kernels", "=", "n") == ["native"]


def test_what_an_action_can_be_is_offered(offered) -> None:
    assert {"model", "layers", "kernels", "machine"} <= set(offered("limn", "bench", ""))
    assert offered("limn", "pixels", "from") == ["from-text"]


def test_names_of_weights_are_offered(offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.safetensors").touch()
    (tmp_path / "mine.txt").touch()
    monkeypatch.setenv("LIMN_WEIGHTS", str(tmp_path))
    assert offered("limn", "segment", "-m", "min") == ["mine"]
    shipped = ["enhancenet", "enhancenet-jpeg"]
    assert sorted(offered("limn", "bench", "layers", "--model", "=", "enhan")) == shipped
    for command in ("inspect", "verify", "explain"):
        assert sorted(offered("limn", command, "enhan")) == shipped
        assert offered("limn", command, "--json", "min") == ["mine"]
    assert "enhancenet" not in offered("limn", "explain", "--svg", "")
    assert "enhancenet" not in offered("limn", "upscale", "")


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh_offers_weights(tmp_path: Path) -> None:
    """What zsh makes of a tabulator, on a terminal of its own; a line that it does not complete ends in a timeout."""
    (tmp_path / "limn.zsh").write_text(script("zsh"))
    (tmp_path / "min:e.safetensors").touch()
    (tmp_path / "unicorn.safetensors").touch()
    for line, completed in (
        ("limn inspect enhance", "enhancenet"),
        ("limn explain --json uni", "unicorn"),
        ("limn upscale -m min", "min*:e"),
    ):
        session = f"""
            zmodload zsh/zpty
            export PATH={Path(LIMN).parent}:$PATH LIMN_WEIGHTS={tmp_path}
            zpty shell zsh -f -i
            zpty -w shell 'autoload -U compinit; compinit -u -d {tmp_path}/dump; source {tmp_path}/limn.zsh; echo rea""dy'
            zpty -r -m shell text '*ready*'
            zpty -w -n shell '{line}'$'\\t'
            zpty -r -m shell text '*{completed}*'
            zpty -d shell
        """
        run("zsh", "-f", "-c", session)


def test_what_weights_are_for(tmp_path: Path) -> None:
    """A line for each: the name, the command and more; a broken file says what is wrong with it."""
    for network in ("deeplabv3", "eccv16", "siggraph17", "vae", "unet-bilinear", "dcgan-3-stages", "enhancenet"):
        shutil.copy(ROOT / f"tests/goldens/{network}.safetensors", tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"\0" * 100)
    (tmp_path / "blank name.safetensors").touch()
    listed = succeeds("--weights", env={"LIMN_WEIGHTS": str(tmp_path)}).decode().splitlines()
    found = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in listed}
    assert found["enhancenet"].startswith("upscale: enlarge pictures four times (enhancenet, ")
    assert found["eccv16"].startswith("colorize: ") and found["siggraph17"].endswith("licence unknown)")
    assert found["vae"].startswith("colorize: ") and found["dcgan-3-stages"].startswith("generate: ")
    assert found["deeplabv3"].startswith("segment: 5 classes (") and found["unet-bilinear"].startswith("segment: 2 ")
    assert found["unet-cells"].startswith("segment: 2 classes: background, cell (unet, 3.91 MB, licence MIT)")
    assert found["deeplabv3-scenes"].startswith("segment: 13 classes: sky, grass, water, ... (")
    assert found["blank name"].startswith("error: ") and "too short" in found["blank name"]
    assert found["broken"].startswith("error: ") and all(len(line) <= 120 for line in listed if "error" not in line)


def test_files_are_offered_where_files_go(offered) -> None:
    def plain(*words: str) -> set[str]:
        return {word.rstrip("/").replace("\\", "") for word in offered(*words)}

    both = {"a picture.png", "folder"}
    assert plain("limn", "upscale", "") == both
    assert plain("limn", "upscale", "-m", "") > both
    assert plain("limn", "run", "--dump-images", "") == {"folder"}
    assert plain("limn", "upscale", "--quality", "") == set()
