"""Runs a program and records its wall time and peak memory.

    python -I -S launch.py RESULT.json CPU,CPU,.. COMMAND [ARGUMENT ..]

When a process starts another, the kernel includes the parent's memory in the child's peak resident set. So the program
is started from this small process (about 10 MB) and not from the measuring program.
"""

import json
import os
import sys
import time

result, cpus, *command = sys.argv[1:]
os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
start = time.perf_counter()
process = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
with open(result, "w", encoding="ascii") as file:
    code = os.waitstatus_to_exitcode(status)
    json.dump({"seconds": seconds, "peak_bytes": usage.ru_maxrss * 1024, "code": code}, file)
