"""The parts of tools/bench_peers.py, which times limn beside the engines that a user would pick instead.

    graphs       which networks, at which sizes, on which inputs
    environment  the virtual environment that holds the peers
    export       a process: random weights, and the same network in every peer's own format
    forward      the reference forward passes, fit for tracing
    engines      one class a peer: load, run
    worker       a process: one engine, which runs when it is told to
    launch       a process: another program, its wall time and its highest memory
    processes    starting, pinning and stopping those processes
    limn         the same for the limn program
    measure      agreement, times in turn, memory, start
    figures      minimum, median, ratio, geometric mean
    growth       time and memory over the size of the input
    clock        limn's own figures against the kernel's
    report       tables
    charts       pictures of them

Only `export`, `forward` and `engines` import a peer, and only in processes of their own: the program that
measures stays small and idle.
"""
