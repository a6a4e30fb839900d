"""Runs a program and writes down its wall time and its highest memory.

    python -I -S launch.py RESULT.json CPU,CPU,.. COMMAND [ARGUMENT ..]

A process of its own for the memory's sake: where one process starts another, the kernel counts the starter's
memory into the highest resident set of the started one. This one is as small as Python gets (about 10 MB),
and the program that measures is not.
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
