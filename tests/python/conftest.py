"""Settings for every test."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Each test file runs in a process of its own: all find the modules of tools/.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

# A shell's background job ignores SIGINT, and a program that nohup starts ignores SIGHUP; child processes inherit that.
# The tests need the default actions.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can read. pytest's own are the caller's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Lets a run succeed whose files all skip themselves, as without PyTorch; pytest exits with 5 for that."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.OK
