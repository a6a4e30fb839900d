/* gemm.h - matrix multiplication through OpenBLAS. The only file that calls BLAS is gemm.c.
 *
 *     C[M x N] = A[M x K] B[K x N]          row-major, single precision
 *
 * Two things stand between a plain cblas_sgemm and what limn promises:
 *
 * Speed. OpenBLAS picks its kernels by CPU name when it is loaded. A release older than the CPU does not know
 * the name and silently takes its oldest kernels (SSE3, a fifth of the speed). gemm_init compares the name
 * OpenBLAS reports with what cpuid offers and makes it choose again.
 *
 * Repeatability. Results must not depend on the number of threads, nor on where in a larger matrix a row
 * happens to lie. BLAS runs on one thread, and callers always give it the same number of rows: see the GEMM
 * form in conv2d.c. */
#ifndef LAYERS_GEMM_H
#define LAYERS_GEMM_H

#include "layers/cpu.h"

#define GEMM_BUFFER ((size_t)128 << 20) /* OpenBLAS's, one a thread: its BUFFER_SIZE on x86-64 */

/* Whether OpenBLAS gets its buffers. Where address space is short (ulimit -v), threads that it started when
 * it was loaded ask for theirs again and again, for ever, and whoever waits for them waits as long:
 * gemm_init, and the end of the program, which then must be _exit's. */
bool gemm_has_room(void);

/* Prepares OpenBLAS for `isa`: before the first gemm, from one thread. When `forced`, OpenBLAS is held down
 * to `isa` too, otherwise it is only ever raised, and a user's own OPENBLAS_CORETYPE is respected. False when
 * OpenBLAS stays below `isa`: correct results, slow. */
bool gemm_init(enum isa isa, bool forced);

/* The kernel set OpenBLAS uses, as it calls it: "SkylakeX", "Haswell", "Prescott", ... */
const char *gemm_core(void);

struct gemm {
    int64_t m, n, k;
    const float *a; /* M rows of K floats, lda floats apart */
    int64_t lda;
    const float *b; /* K rows of N floats, ldb floats apart */
    int64_t ldb;
    float *c; /* M rows of N floats, ldc floats apart; overwritten, never read */
    int64_t ldc;
};

/* C = A B on the calling thread. */
void gemm_run(const struct gemm *g);

#endif
