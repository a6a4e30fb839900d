"""Runs a command and prints a line of JSON: its exit code, seconds and peak resident memory in MB.

A process of its own, small: what the system reports as a child's peak is at least what its parent held when it
started it, and a parent that has loaded PyTorch holds hundreds of MB.
"""

import json
import resource
import subprocess
import sys
import time

start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
print(json.dumps({"code": code, "seconds": seconds, "peak": peak}))
