"""The inputs that the fuzzer of the converter begins with, each once, without the fuzzer."""

from __future__ import annotations

import sys

import pytest
from convert_runner import ROOT

sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

import convert_targets  # noqa: E402  (found only through the line above)
import fuzz_convert  # noqa: E402


@pytest.mark.parametrize("target", convert_targets.TARGETS)
def test_the_seeds_break_nothing(target: str) -> None:
    with convert_targets.no_checksums():
        seeds = convert_targets.seeds(target)
        for name, data in seeds.items():
            try:
                convert_targets.TARGETS[target](data)
            except Exception as error:
                raise AssertionError(f"{target}: {name}") from error
    assert len(seeds) > 8


@pytest.mark.parametrize("target", convert_targets.TARGETS)
def test_a_network_gets_through_a_target(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The targets swallow what is wrong with a file: were it something of their own, nothing would be tested."""
    described = []
    monkeypatch.setattr("checkpoint.metadata.describe", lambda network, *_: (described.append(network.model) or {}, ""))
    with convert_targets.no_checksums():
        networks = convert_targets.networks(target)
        for data in networks.values():
            convert_targets.TARGETS[target](data)
    assert described == ["enhancenet" if target == "convert_table" else "dcgan"] * len(networks)


def test_the_names_are_those_of_the_targets() -> None:
    assert list(fuzz_convert.NAMES) == list(convert_targets.TARGETS)
