/* gemm.h - matrix multiplication through OpenBLAS. The only file that calls BLAS is gemm.c. A limn built with
 * `make BLAS=none` has gemm_none.c in its place.
 *
 *     C[M x N] = A[M x K] B[K x N]          row-major, single precision
 *
 * limn needs two things that a plain cblas_sgemm does not give:
 *
 * Speed. OpenBLAS selects its kernels by CPU name when it is loaded. A release older than the CPU does not
 * know the name and silently uses its oldest kernels (SSE3, a fifth of the speed). gemm_init compares the
 * name that OpenBLAS reports with what cpuid reports, and makes OpenBLAS select again.
 *
 * Repeatability. Results must not depend on the number of threads, nor on the position of a row in a larger
 * matrix. BLAS runs on one thread, and callers always pass the same number of rows: see the GEMM form in
 * conv2d.c. */
#ifndef LAYERS_GEMM_H
#define LAYERS_GEMM_H

#include "layers/cpu.h"

/* The address space that OpenBLAS's buffer of a thread takes: its BUFFER_SIZE on x86-64. If there is less
 * (ulimit -v), OpenBLAS retries its allocation for ever. */
#define GEMM_BUFFER ((size_t)128 << 20)

/* Whether limn was built with OpenBLAS. */
bool gemm_available(void);

/* Loads OpenBLAS and prepares it for `isa`. Call it before the first gemm, from one thread; it changes the
 * environment for a moment. If `forced`, OpenBLAS is also restricted to `isa`; otherwise it is only ever
 * raised, and the user's OPENBLAS_CORETYPE is respected. Returns NULL, or why OpenBLAS cannot be loaded,
 * valid until the thread next calls a function of dlfcn.h. Does nothing if limn was built without OpenBLAS.
 */
const char *gemm_init(enum isa isa, bool forced);

/* OpenBLAS's name of the kernel set it uses: "SkylakeX", "Haswell", "Prescott", ...
 * NULL if limn was built without OpenBLAS. */
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

/* C = A B on the calling thread. Must not be called if limn was built without OpenBLAS: see
 * layer_applies_gemm. */
void gemm_run(const struct gemm *g);

#endif
