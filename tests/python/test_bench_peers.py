"""tools/bench_peers.py without any peer: its arithmetic, its tables, its arguments, its processes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import bench_peers  # noqa: E402  (found only through the line above)
from peers import (  # noqa: E402
    clock,
    environment,
    figures,
    graphs,
    growth,
    limits,
    limn,
    measure,
    processes,
    report,
)


def engine(ms: tuple[float, float], mb: float = 50, start: float = 100, error: float = 1e-6) -> dict:
    """An engine's figures at 1 and 2 threads; medians a tenth above the minima."""
    threads = {
        str(count): {"min_ms": least, "median_ms": 1.1 * least, "peak_mb": mb + count}
        for count, least in zip((1, 2), ms, strict=True)
    }
    return {
        "error": error,
        "threads": threads,
        "start_ms": {"min": start, "median": 1.5 * start},
        "overhead_ms": start - ms[1],
    }


def entry(**engines: dict) -> dict:
    """A case's entry; underscores in the names of engines stand for dashes."""
    return {
        "case": "unet",
        "title": "U-Net 512x512",
        "megapixels": 0.25,
        "engines": {name.replace("_", "-"): found for name, found in engines.items()},
        "absent": {},
    }


FULL = entry(
    limn=engine((100, 50), mb=40, start=80),
    torch_eager=engine((300, 160), mb=500, start=2000),
    torch_channels_last=engine((250, 170), mb=510, start=1900, error=5e-6),
    openvino=engine((200, 125), mb=90, start=400),
    ncnn=engine((220, 110), mb=70, start=200),
)
ALONE = entry(limn=engine((100, 50)))
DEFAULT = {**engine((50, 25), error=3e-3), "precision": "bf16"}
RUNGS = {
    **FULL,
    "engines": {**FULL["engines"], "limn bf16": engine((20, 10), error=2e-3), "openvino-default": DEFAULT},
}


# Figures


def test_timing_takes_the_least_minimum_and_the_middle_median():
    assert figures.timing([(5, 9), (4, 20), (6, 7)]) == {"min_ms": 4, "median_ms": 9}


def test_relative_error_is_of_the_largest_magnitude():
    assert figures.relative_error(np.array([1, -4.0]), np.array([1, -5.0])) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("result", "reference"),
    [([1.0], [1.0, 2.0]), ([math.nan, 1.0], [1.0, 1.0]), ([1.0], [math.inf]), ([0.0], [0.0])],
)
def test_relative_error_of_what_cannot_be_compared_is_infinite(result, reference):
    assert figures.relative_error(np.array(result), np.array(reference)) == math.inf


@pytest.mark.parametrize(("fastest", "count"), [(2000, 2), (400, 3), (100, 10), (0.5, 50)])
def test_a_turn_has_as_many_runs_as_fit(fastest, count):
    assert figures.repetitions(fastest, 1.0) == count


def test_geometric_mean():
    assert figures.geometric_mean([1, 4, 2]) == pytest.approx(2)
    assert math.isnan(figures.geometric_mean([]))


def test_the_best_way_of_an_engine_counts():
    assert figures.quickest(FULL, "PyTorch", "1")[0] == "torch-channels-last"
    assert figures.quickest(FULL, "PyTorch", "2")[0] == "torch-eager"
    assert figures.least_memory(FULL, "PyTorch", "2") == 502
    assert figures.first_start(FULL, "PyTorch")["start_ms"]["min"] == 1900


def test_the_ratio_is_to_the_fastest_peer_at_that_number_of_threads():
    assert [figures.fastest_peer(FULL, n) for n in "12"] == ["OpenVINO", "ncnn"]
    assert [figures.ratio(FULL, n) for n in "12"] == pytest.approx([2.0, 2.2])


def test_without_a_peer_there_is_no_ratio():
    assert figures.fastest_peer(ALONE, "1") is None
    assert figures.ratio(ALONE, "1") is None
    assert figures.ratios([ALONE, FULL], "1") == pytest.approx([2.0])


def test_openvinos_default_is_no_float32_peer():
    assert [figures.fastest_peer(RUNGS, n) for n in "12"] == ["OpenVINO", "ncnn"]
    assert figures.ratio(RUNGS, "1") == pytest.approx(2.0)
    assert figures.ratio(RUNGS, "1", "limn bf16", figures.DEFAULT) == pytest.approx(2.5)
    assert figures.ratio(FULL, "1", "limn", figures.DEFAULT) is None


def test_mean_and_least():
    assert figures.mean_and_least([4, 1, 2]) == (pytest.approx(2), 1)
    assert all(math.isnan(value) for value in figures.mean_and_least([]))


def test_turns_begin_with_another_engine_each_round():
    assert [measure.rotated(["a", "b", "c"], by) for by in (0, 1, 5)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
    ]


def test_slope_of_two_processes():
    assert clock.slope((2, 1.5), (22, 3.5)) == pytest.approx(0.1)


# Tables


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8124, "0.812"),
        (1.5512, "1.55"),
        (9.999, "10.0"),
        (24.61, "24.6"),
        (2237.8, "2238"),
        (math.nan, "-"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert report.number(value) == text


def test_columns_stand_under_each_other():
    assert report.aligned(["a", "bb"], [["xyz", "1"], ["", "100"]]) == "a     bb\nxyz    1\n     100"


def test_a_markdown_table_has_a_rule():
    assert report.markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |"


def test_a_case_says_who_was_measured_and_who_was_not():
    text = report.case_text({**FULL, "absent": {"onnxruntime": "no wheel"}}, (1, 2))
    lines = text.splitlines()
    assert lines[0] == "U-Net 512x512"
    assert [line.split()[0] for line in lines[2:6]] == ["limn", "PyTorch", "OpenVINO", "ncnn"]
    assert "channels-last / eager" in lines[3] and "5.0e-06" in lines[3]
    assert lines[6:] == [
        "absent: onnxruntime: no wheel",
        "1 thread: limn is 2.00x as fast as OpenVINO",
        "2 threads: limn is 2.20x as fast as ncnn",
    ]


def test_the_summary_names_the_best_peer_in_every_respect():
    header, (row, mean, least) = report.summary_rows([FULL], (1, 2))
    assert len(header) == len(row) == len(mean) == len(least)
    assert row == [
        "U-Net 512x512",
        "100 / 50.0",
        "200 / 110 (OpenVINO / ncnn)",
        "2.00x / 2.20x",
        "42.0, 72.0 (ncnn)",
        "80.0, 200 (ncnn)",
    ]
    assert mean[0] == "geometric mean" and mean[3] == "2.00x / 2.20x"
    assert least[0] == "least" and least[3] == "2.00x / 2.20x"


def test_the_means_and_the_leasts_are_of_each_number_of_threads():
    slower = entry(limn=engine((100, 50)), ncnn=engine((50, 100)))
    _, (*_, mean, least) = report.summary_rows([FULL, slower], (1, 2))
    assert mean[3] == "1.00x / 2.10x" and least[3] == "0.50x / 2.00x"


def test_the_summary_of_limn_alone():
    _, (row, mean, least) = report.summary_rows([ALONE], (1, 2))
    assert row[2:] == ["-", "-", "52.0", "100"]
    assert mean[3] == least[3] == "- / -"


def test_lower_precisions_are_compared_with_openvinos_default():
    exact, (header, rows) = report.summaries([RUNGS, ALONE], (1, 2))
    assert exact[0][1] == "limn ms"
    assert header[3:5] == ["ratio to the default", "error against limn at float32"]
    assert rows == [
        ["U-Net 512x512", "OpenVINO default bf16", "50.0 / 25.0", "", "3.0e-03", "51.0 / 52.0"],
        ["U-Net 512x512", "limn", "100 / 50.0", "0.50x / 0.50x", "", "41.0 / 42.0"],
        ["U-Net 512x512", "limn bf16", "20.0 / 10.0", "2.50x / 2.50x", "2.0e-03", "51.0 / 52.0"],
        ["geometric mean", "limn", "", "0.50x / 0.50x", "", ""],
        ["least", "limn", "", "0.50x / 0.50x", "", ""],
        ["geometric mean", "limn bf16", "", "2.50x / 2.50x", "", ""],
        ["least", "limn bf16", "", "2.50x / 2.50x", "", ""],
    ]


def test_the_ratios_in_the_json_report():
    found = report.summary_ratios([RUNGS], (1,))
    assert [(each["engine"], each["peer"]) for each in found] == [
        *(("limn", "fastest float32 peer"), ("limn", "OpenVINO default"), ("limn bf16", "OpenVINO default"))
    ]
    assert found[2]["threads"] == {"1": {"mean": pytest.approx(2.5), "least": pytest.approx(2.5)}}


def test_a_case_compares_each_variant():
    same = {**RUNGS, "engines": {**RUNGS["engines"], "openvino-default": {**DEFAULT, "precision": "f32"}}}
    lines = report.case_text(same, (1,)).splitlines()
    assert [line.split("  ")[0] for line in lines[2:5]] == ["limn", "limn bf16", "PyTorch"]
    assert lines[8:] == [
        "OpenVINO computes this network in f32 by default",
        "1 thread: limn is 2.00x as fast as OpenVINO",
        "1 thread: limn is 0.50x as fast as OpenVINO default",
        "1 thread: limn bf16 is 2.50x as fast as OpenVINO default",
    ]


def test_the_markdown_report_lists_the_absent():
    around = {
        **{"processor": "A CPU", "cores": [0, 1], "memory_gb": 8.0, "date": "2026-01-02", "limn": "limn 1"},
        **{"versions": {"ncnn": "3"}, "threads": [1, 2], "rounds": 5},
    }
    text = report.markdown_report(around, [{**FULL, "absent": {"onnxruntime": "no wheel"}}])
    assert text.startswith("A CPU, 2 physical cores, 8.0 GB, 2026-01-02; limn 1; ncnn 3. float32 unless")
    assert "| U-Net 512x512 | 100 / 50.0 | 250 / 160 | absent | 200 / 125 | absent | 220 / 110 |" in text
    assert text.endswith("- U-Net 512x512: onnxruntime: no wheel\n")


def test_the_report_says_how_peers_were_limited():
    around = {
        **{"processor": "A CPU", "cores": [0, 1], "memory_gb": 8.0, "date": "2026-01-02", "limn": "limn 1"},
        **{
            "versions": {"ncnn": "3"},
            "isa": ["avx2"],
            "limits": {"torch": "variables", "ncnn": "CPUID faults", "openvino": "CPUID faults"},
        },
    }
    assert report.describe(around).endswith(
        "; limn 1 with --isa avx2; ncnn 3. Peers limited to AVX2 (torch: variables; ncnn, openvino: CPUID faults)"
    )


def test_growth_counts_from_the_smallest_size():
    larger = {**entry(limn=engine((210, 100), mb=90)), "megapixels": 0.75}
    small, large = growth.points([ALONE, larger], (2,))
    assert small["mb_per_further_megapixel"] is None
    assert large["mb_per_further_megapixel"] == pytest.approx(80)
    assert [point["ms_per_megapixel"] for point in (small, large)] == pytest.approx([200, 100 / 0.75])
    assert len(report.growth_text([small, large]).splitlines()) == 3


def test_the_clock_table():
    check = {
        **{"case": "dcgan", "threads": 1, "runs": 502, "slope_ms": 2.02, "bench_ms": 2.0, "time_ratio": 1.01},
        **{"kernel_peak_mb": 25.0, "bench_peak_mb": 24.9, "memory_ratio": 0.996},
    }
    assert report.clock_text([check]).splitlines()[1].split() == [
        *("dcgan", "1", "502", "2.02", "2.00", "1.010", "25.0", "24.9", "0.996")
    ]


# Cases


def test_cases_have_names_of_their_own():
    assert len({case.name for case in graphs.CASES}) == len({case.spec for case in graphs.CASES}) == 8


@pytest.mark.parametrize("case", graphs.CASES, ids=lambda case: case.name)
def test_a_case_is_found_by_name_and_by_size(case):
    assert graphs.parse(case.name) == graphs.parse(case.spec) == case


def test_another_size():
    case = graphs.parse("unet@2x48x64")
    assert (case.graph, case.batch, case.height, case.width) == ("unet", 2, 48, 64)
    assert case.title == "U-Net 48x64, batch 2"
    assert case.inputs(1)[0].shape == (2, 3, 48, 64)


@pytest.mark.parametrize("name", ["resnet", "resnet@1x2x3", "unet@1x2", "unet@0x64x64", "unet@", ""])
def test_what_is_no_case(name):
    with pytest.raises(graphs.UnknownCase):
        graphs.parse(name)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("deeplabv3", [(1, 3, 520, 520)]),
        ("eccv16", [(1, 1, 256, 256)]),
        ("siggraph17", [(1, 4, 256, 256)]),
        ("vae", [(1, 1, 64, 64), (1, 64, 1, 1)]),
        ("unet", [(1, 3, 512, 512)]),
        ("dcgan", [(1, 100, 1, 1)]),
        ("dcgan64", [(64, 100, 1, 1)]),
        ("enhancenet", [(1, 3, 128, 128)]),
    ],
)
def test_inputs(name, shapes):
    first, again = graphs.parse(name).inputs(3), graphs.parse(name).inputs(3)
    assert [array.shape for array in first] == shapes
    assert all(array.dtype == np.float32 for array in first)
    assert all((one == other).all() for one, other in zip(first, again, strict=True))


def test_sizes_of_a_sweep():
    sides = [(case.height, case.width) for case in growth.sizes(graphs.parse("unet"))]
    assert sides == [(256, 256), (360, 360), (512, 512), (728, 728), (1024, 1024)]
    assert [case.batch for case in growth.sizes(graphs.parse("dcgan64"))] == [16, 32, 64, 128, 256]
    assert [case.batch for case in growth.sizes(graphs.parse("dcgan"))] == [1, 2, 4]
    assert growth.sizes(graphs.parse("vae")) == []


# Arguments


def test_what_is_measured_by_default():
    options = bench_peers.parse_arguments([])
    assert options.cases == list(graphs.CASES)
    assert options.engines == ["torch", "onnxruntime", "openvino", "ncnn"]
    assert (options.rounds, options.starts, options.seed) == (5, 5, 1)
    assert options.cache == options.output / "cache"


def test_a_sweep_and_a_check_are_of_limn_alone():
    assert bench_peers.parse_arguments(["--sweep"]).engines == []
    assert bench_peers.parse_arguments(["--check-clock"]).engines == []
    assert bench_peers.parse_arguments(["--sweep", "--engines", "ncnn"]).engines == ["ncnn"]


def test_quick_gives_way_to_what_is_asked():
    options = bench_peers.parse_arguments(
        ["--quick", "--rounds", "3", "--engines", "limn,ncnn,torch", "dcgan64"]
    )
    assert (options.rounds, options.starts) == (3, 2)
    assert options.engines == ["torch", "ncnn"]
    assert [case.name for case in options.cases] == ["dcgan64"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet"], "resnet: expected one of deeplabv3"),
        (["--engines", "tflite"], "tflite: expected a comma-separated list of limn,torch"),
        (["--engines", ""], "expected a comma-separated list of limn,torch"),
        (["--threads", "two"], "two: expected a comma-separated list of numbers or `all`"),
        (["--threads", "1,0"], "expected at least 1"),
        (["--isa", "avx2,avx512"], "expected a comma-separated list, or avx2 alone"),
        (["--precision", "fp16"], "fp16: expected a comma-separated list of fp32,bf16x2,bf16"),
        (["--rounds", "0"], "expected at least 1"),
        (["--sweep", "--check-clock"], "not allowed with"),
    ],
)
def test_arguments_that_are_refused(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        bench_peers.parse_arguments(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "cores", "every", "counts"),
    [
        (None, 4, False, (1, 4)),
        (None, 4, True, (1, 2, 3, 4)),
        (None, 1, False, (1,)),
        ([0, 2], 4, False, (2, 4)),
        ([2, 1, 2], 2, False, (1, 2)),
    ],
)
def test_thread_counts(asked, cores, every, counts):
    assert bench_peers.thread_counts(asked, cores, every) == counts


def test_more_threads_than_cores_are_refused():
    with pytest.raises(SystemExit, match="may use 2 physical cores"):
        bench_peers.thread_counts([3], 2, False)


def test_pytorch_and_openvino_run_in_several_ways():
    assert bench_peers.ways(["ncnn", "torch"]) == ["ncnn", *figures.FAMILIES["PyTorch"]]
    assert bench_peers.ways(["openvino"]) == ["openvino", "openvino-default"]


@pytest.mark.parametrize(
    ("sets", "precisions", "variants"),
    [
        ([], ["fp32"], {"limn": ()}),
        (["avx2"], ["fp32"], {"limn": ("--isa", "avx2")}),
        ([], ["bf16"], {"limn": (), "limn bf16": ("--precision", "bf16")}),
        (
            ["avx512", "avx512+amx"],
            ["bf16x2", "fp32"],
            {
                "limn": ("--isa", "avx512"),
                "limn bf16x2": ("--isa", "avx512", "--precision", "bf16x2"),
                "limn avx512+amx": ("--isa", "avx512+amx"),
                "limn avx512+amx bf16x2": ("--isa", "avx512+amx", "--precision", "bf16x2"),
            },
        ),
    ],
)
def test_variants_of_limn(sets, precisions, variants):
    assert limn.variants(sets, precisions) == variants
    assert [name for name in variants if figures.lowers(name)] == [
        name for name in variants if "bf16" in name
    ]
    assert all(figures.is_limn(name) for name in variants)


def test_an_engine_without_its_converter_is_absent():
    missing = {"pnnx": "no wheel"}
    assert bench_peers.absent_engines(["openvino", "ncnn"], missing) == {"ncnn": "pnnx: no wheel"}


def test_without_the_program_there_is_one_line(tmp_path):
    command = [
        sys.executable,
        ROOT / "tools/bench_peers.py",
        "--limn",
        tmp_path / "limn",
        "--venv",
        tmp_path / "venv",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"bench_peers: {tmp_path}/limn: program not found; run `make` to build it\n"
    assert not (tmp_path / "venv").exists()


def test_an_environment_that_may_not_be_made(tmp_path):
    with pytest.raises(environment.Unusable, match="not a virtual environment"):
        environment.ensure(tmp_path / "venv", may_install=False)


def test_an_environment_without_what_is_needed(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    assert environment.missing(tmp_path / "venv") == [*environment.NEEDED, *environment.PEERS]
    with pytest.raises(environment.Unusable, match="numpy is needed .* --no-install was given"):
        environment.ensure(tmp_path / "venv", may_install=False)


def test_without_a_record_nothing_is_known_to_be_absent(tmp_path):
    assert environment.absent(tmp_path) == {}


# Engines that fail


def settings(folder: Path) -> measure.Settings:
    return measure.Settings(
        limn=folder / "limn",
        variants={"limn": (), "limn bf16": ("--precision", "bf16")},
        limits={},
        cache=folder,
        seed=1,
        threads=(1, 2),
        rounds=2,
        turn_seconds=0.1,
        starts=2,
        cores=(0, 1),
    )


def with_outputs(folder: Path, **outputs: list[float]) -> measure.Measurement:
    """A measurement of `dcgan` whose engines have written these results."""
    measurement = measure.Measurement(graphs.parse("dcgan"), ["openvino", "ncnn"], {}, settings(folder))
    measurement.folder.mkdir()
    for name, values in outputs.items():
        np.save(measurement.output_of(name), np.array(values, np.float32))
        measurement.entry["engines"][name] = {"error": 0.0, "threads": {}}
    return measurement


def test_who_computes_something_else_is_left_out(tmp_path):
    measurement = with_outputs(tmp_path, limn=[1, -2], openvino=[1.001, -2], ncnn=[1.01, -2])
    measurement.check("openvino")
    measurement.check("ncnn")
    assert measurement.engines == ["limn", "limn bf16", "openvino"]
    assert measurement.entry["engines"]["openvino"]["error"] == pytest.approx(5e-4, rel=1e-3)
    assert measurement.entry["absent"] == {"ncnn": "its output differs by 5.0e-03 of the largest magnitude"}


def test_a_lower_precision_may_differ_but_is_finite(tmp_path):
    measurement = with_outputs(tmp_path, **{"limn": [1, -2], "limn-bf16": [1.01, -2]})
    measurement.entry["engines"]["limn bf16"] = {"error": 0.0, "threads": {}}
    measurement.check("limn bf16")
    assert measurement.entry["engines"]["limn bf16"]["error"] == pytest.approx(5e-3, rel=1e-3)
    np.save(measurement.output_of("limn bf16"), np.array([math.nan, -2], np.float32))
    measurement.check("limn bf16")
    assert measurement.peers() == ["openvino", "ncnn"] and "limn bf16" in measurement.entry["absent"]


class Answers:
    """A worker that answers from a table."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers

    def ask(self, order: str) -> object:
        return self.answers[order]


def test_the_precision_that_openvino_chose_is_recorded(tmp_path):
    measurement = with_outputs(tmp_path, limn=[1])
    measurement.entry["engines"]["openvino-default"] = {}
    measurement.learn("openvino-default", Answers(precision="bf16"))
    measurement.learn("ncnn", Answers())
    assert measurement.entry["engines"]["openvino-default"] == {"precision": "bf16"}


def test_who_uses_avx512_in_spite_of_the_limit_fails(tmp_path):
    measurement = with_outputs(tmp_path, limn=[1])
    measurement.settings.limits["ncnn"] = limits.Limit("CPUID faults", {"LD_PRELOAD": "hide_avx512.so"})
    measurement.learn("ncnn", Answers(avx512=False))
    measurement.learn("ncnn", Answers(avx512=None))  # an old kernel
    with pytest.raises(processes.EngineFailed, match="uses AVX-512 in spite of the limit: CPUID faults"):
        measurement.learn("ncnn", Answers(avx512=True))
    assert "LD_PRELOAD=hide_avx512.so" in measurement.worker_command("ncnn", 1)
    assert "env" not in measurement.worker_command("openvino", 1)


def test_who_fails_is_left_out(tmp_path):
    measurement = with_outputs(tmp_path, limn=[1], openvino=[1], ncnn=[1])

    def fails() -> None:
        raise processes.EngineFailed("out of luck")

    assert measurement.attempt("ncnn", fails) is None
    assert measurement.engines == ["limn", "limn bf16", "openvino"]
    assert measurement.entry["absent"] == {"ncnn": "out of luck"}


def test_without_limn_there_is_nothing_to_report(tmp_path):
    with pytest.raises(processes.EngineFailed, match="limn: out of luck"):
        with_outputs(tmp_path, limn=[1]).leave_out("limn", "out of luck")


# Processes


def test_one_logical_processor_of_each_core():
    assert processes.first_of_each_core([0, 1, 2, 3], {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}) == [0, 1]
    assert processes.first_of_each_core([5, 2], {}) == [2, 5]


def test_a_launched_process_is_timed_and_weighed():
    script = "import time; block = bytearray(80_000_000); time.sleep(0.2); print('done')"
    done = processes.launch([sys.executable, "-c", script], sorted(os.sched_getaffinity(0))[:1])
    assert done.stdout == "done\n"
    assert done.seconds >= 0.2
    assert 80 < done.peak_mb < 160


def test_the_memory_of_the_measuring_process_is_not_counted():
    block = np.ones(25_000_000)  # 200 MB
    done = processes.launch(["true"], sorted(os.sched_getaffinity(0)))
    assert done.peak_mb < 40, block.nbytes


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ([sys.executable, "-c", "raise SystemExit('out of luck')"], "out of luck"),
        ([sys.executable, "-c", "import os; os._exit(3)"], "exit code 3"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "exit code -9"),
        (["/nowhere/program"], "No such file"),
    ],
)
def test_a_process_that_fails_gives_its_reason(command, reason):
    with pytest.raises(processes.EngineFailed, match=reason):
        processes.launch(command, sorted(os.sched_getaffinity(0)))


ECHO = """
import json, sys
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    print(json.dumps(line), flush=True)
"""


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_worker_rests_between_its_turns():
    with processes.Worker([sys.executable, "-c", ECHO], sorted(os.sched_getaffinity(0))) as worker:
        worker.load()
        assert worker.ask("run 2") == "run 2\n"
        for _ in range(1000):
            if state(worker.process.pid) == "T":
                break
        assert state(worker.process.pid) == "T"
        assert worker.ask("save x") == "save x\n"
    assert worker.process.returncode == -9


def test_a_worker_that_ends_gives_its_reason():
    script = "import sys; print('\"ready\"', flush=True); sys.stdin.readline(); sys.exit('lost its way')"
    with processes.Worker([sys.executable, "-c", script], sorted(os.sched_getaffinity(0))) as worker:
        worker.load()
        with pytest.raises(processes.EngineFailed, match="lost its way"):
            worker.ask("run 1")


def test_a_worker_that_never_loads_gives_its_reason():
    command = [sys.executable, "-c", "import nothing_of_this_name"]
    worker = processes.Worker(command, sorted(os.sched_getaffinity(0)))
    with worker, pytest.raises(processes.EngineFailed, match="nothing_of_this_name"):
        worker.load()
