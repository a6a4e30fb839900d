/* simd_peak.c - the peak: how many multiply-adds a core does when nothing else limits it.
 *
 * A fused multiply-add takes about 4 cycles from operand to result, and a core starts 2 a cycle, so at least
 * 8 independent chains must be in flight. 12 tolerate longer latencies and still fit the 16 registers of
 * AVX2. The chains converge (x <- x * a + b with |a| < 1), so no value overflows or becomes subnormal,
 * however often they are repeated. */
#include "layers/simd_vector.h"

enum { CHAINS = 12, STEPS = 100000 };

/* Single variables keep all chains in registers: some compilers keep an array in memory unless the loop that
 * indexes it is unrolled completely. */
static vector run_chains(vector a, vector b)
{
    vector x0 = b, x1 = b + 1, x2 = b + 2, x3 = b + 3, x4 = b + 4, x5 = b + 5;
    vector x6 = b + 6, x7 = b + 7, x8 = b + 8, x9 = b + 9, x10 = b + 10, x11 = b + 11;
    for (int step = 0; step < STEPS; step++) {
        x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b;
        x4 = x4 * a + b, x5 = x5 * a + b, x6 = x6 * a + b, x7 = x7 * a + b;
        x8 = x8 * a + b, x9 = x9 * a + b, x10 = x10 * a + b, x11 = x11 * a + b;
    }
    return x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10 + x11;
}

/* Runs for about `seconds`, by the clock `now`, on the calling thread and returns the best rate seen, in
 * FLOP/s. No kernel of this instruction set can exceed it on one core. One multiply-add counts as two. */
double SIMD(peak)(double seconds, double (*now)(void))
{
    volatile float factor = 0.5F, term = 0.25F; /* volatile: not known when compiling */
    vector a = (vector){0} + factor, b = (vector){0} + term;
    double best = 0, start = now(), before = start;
    volatile float sink = 0;
    while (before - start < seconds) {
        vector sum = run_chains(a, b);
        double after = now();
        double rate = 2.0 * CHAINS * STEPS * VECTOR_FLOATS / (after - before);
        best = rate > best ? rate : best;
        before = after;
        sink = sink + sum[0];
    }
    return best;
}
