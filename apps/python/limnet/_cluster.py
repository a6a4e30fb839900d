"""limnet.batch on a Ray cluster, by Ray Data."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from importlib import import_module
from typing import Any

from ._jobs import Failure, Job
from ._worker import Item, Worker

_BLOCK = 256  # pictures at most that Ray hands out, and repeats if a node is lost, at a time


class _Actor:
    """Makes pictures in a process of its own, so that one that crashes it costs one picture, not an actor."""

    def __init__(self, job: Job) -> None:
        self._worker = Worker(job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Names and outputs in; what failed as JSON out, "null" for what did not."""
        items = zip(batch["name"], batch["output"], strict=True)
        outcomes = [self._worker.make((str(name), str(output))) for name, output in items]
        return {"outcome": [json.dumps(outcome) for outcome in outcomes]}


def by_ray(job: Job, items: list[Item], address: str, count: int) -> Generator[Failure | None, None, None]:
    """The outcome of each item, from at most `count` actors of one core each.

    Ray repeats the blocks of a node that is lost; outputs that it had made are not made again.
    """
    pyarrow, ray, data = (import_module(name) for name in ("pyarrow", "ray", "ray.data"))
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    owned = not ray.is_initialized()
    if owned:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    data.DataContext.get_current().enable_progress_bars = False
    size = max(1, min(_BLOCK, len(items) // (8 * count)))
    blocks = [items[start : start + size] for start in range(0, len(items), size)]
    tables = [pyarrow.table({"name": [n for n, _ in block], "output": [o for _, o in block]}) for block in blocks]
    actors = {"compute": data.ActorPoolStrategy(min_size=1, max_size=count), "num_cpus": 1}
    outcomes = data.from_arrow(tables).map_batches(_Actor, fn_constructor_args=(job,), batch_size=16, **actors)
    try:
        for row in outcomes.iter_rows():
            outcome = json.loads(row["outcome"])
            yield Failure(*outcome) if outcome else None
    finally:
        if owned:
            ray.shutdown()
