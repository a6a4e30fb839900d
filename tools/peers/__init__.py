"""The modules of tools/bench_peers.py, which compares limn with other inference engines.

    graphs       the networks, their sizes and inputs
    environment  the virtual environment of the peers
    export       a process that writes random weights, and the same network in every peer's format
    forward      the reference forward passes, prepared for tracing
    engines      one class per peer: load, run
    worker       a process with one engine, which runs on request
    launch       a process that runs another program and measures its wall time and peak memory
    processes    starts, pins and stops these processes
    limits       keeps the peers from AVX-512 and AMX; hide_avx512.c answers CPUID for them
    limn         runs the limn program
    measure      agreement, times in turn, memory, start
    figures      minimum, median, ratio, geometric mean
    growth       time and memory against the size of the input
    clock        limn's own figures compared with the kernel's
    report       tables
    charts       charts

For single layers:

    layers         shapes and inputs
    operators      the operators in PyTorch
    layer_engines  peers in further layouts of memory
    layer_measure  limn's variants and the peers in turn
    layer_report   tables and a chart

Only `export`, `forward`, `operators` and the engines import a peer, and only in separate processes, so that the
measuring program stays small and idle.
"""
