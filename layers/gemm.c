/* gemm.c - see gemm.h. */
#include "layers/gemm.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

/* Entry points of OpenBLAS's selection of kernels at run time. They exist only in a library built with
 * DYNAMIC_ARCH, and no header declares them. They are weak, so that any other BLAS still links. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/* Ends the threads that OpenBLAS starts when it is loaded. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

#if defined(__x86_64__)

/* The instruction set that OpenBLAS's kernels for a core use, by the core's name. */
static enum isa core_isa(const char *core)
{
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    static const char *const avx2[] = {"Haswell", "Zen", "Excavator"};
    for (size_t i = 0; i < sizeof avx512 / sizeof *avx512; i++)
        if (strcasecmp(core, avx512[i]) == 0)
            return ISA_AVX512;
    for (size_t i = 0; i < sizeof avx2 / sizeof *avx2; i++)
        if (strcasecmp(core, avx2[i]) == 0)
            return ISA_AVX2;
    return ISA_BASELINE;
}

/* Makes OpenBLAS select its kernels again, as if it had been loaded on `core`. */
static void choose_core(const char *core)
{
    static const char variable[] = "OPENBLAS_CORETYPE";
    const char *before = getenv(variable);
    char *kept = before ? strdup(before) : NULL;
    setenv(variable, core, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    if (kept)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
}

static void correct_core(enum isa isa, bool forced)
{
    static const char *const cores[ISA_COUNT] = {
        [ISA_BASELINE] = "Prescott", [ISA_AVX2] = "Haswell", [ISA_AVX512] = "SkylakeX"};
    if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit || !cores[isa])
        return;
    enum isa now = core_isa(gemm_core());
    if (forced ? now != isa : (now < isa && !getenv("OPENBLAS_CORETYPE")))
        choose_core(cores[isa]);
}

#else

static void correct_core(enum isa isa, bool forced)
{
    (void)isa, (void)forced;
}

#endif

bool gemm_has_room(void)
{
    void *buffer = mmap(NULL, GEMM_BUFFER, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return buffer != MAP_FAILED && munmap(buffer, GEMM_BUFFER) == 0;
}

bool gemm_init(enum isa isa, bool forced)
{
    correct_core(isa, forced);
    openblas_set_num_threads(1);
    /* OpenBLAS's threads are not used, and spin for a tenth of a second on cores that the first run needs. */
    if (blas_thread_shutdown_)
        blas_thread_shutdown_();
#if defined(__x86_64__)
    return core_isa(gemm_core()) >= isa;
#else
    return true;
#endif
}

const char *gemm_core(void)
{
    return openblas_get_corename();
}

void gemm_run(const struct gemm *g)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k, 1.0F,
                g->a, (blasint)g->lda, g->b, (blasint)g->ldb, 0.0F, g->c, (blasint)g->ldc);
}
