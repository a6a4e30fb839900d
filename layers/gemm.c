/* gemm.c - see gemm.h. */
#include "layers/gemm.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* OpenBLAS's functions. The last two select its kernels again at run time. They exist only in a library built
 * with DYNAMIC_ARCH, and no header declares them. */
static struct {
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(openblas_set_num_threads) *set_num_threads;
    __typeof__(openblas_get_corename) *get_corename;
    void (*dynamic_init)(void), (*dynamic_quit)(void); /* NULL if missing */
} blas;

/* Calls `action` while an environment variable that OpenBLAS reads has another value. */
static void with_variable(const char *variable, const char *value, void (*action)(void))
{
    const char *before = getenv(variable);
    char *kept = before ? strdup(before) : NULL;
    setenv(variable, value, 1);
    action();
    if (kept)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
}

/* ---- loading -----------------------------------------------------------------------------
 *
 * OpenBLAS's constructor starts a thread for every core but one. If the system refuses them, it prints
 * messages and raises SIGINT; in a program that is linked with the shared library, that is before main. Only
 * OPENBLAS_NUM_THREADS in the environment prevents this. So OpenBLAS is loaded here, while the variable is 1.
 * A .preinit_array could set the variable too, but only in a program: liblimn.so cannot have one. */

#ifdef GEMM_LIBRARY /* the file name of the shared library */

#include <dlfcn.h>

static void *library;

static void load(void)
{
    library = dlopen(GEMM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

/* Stores the address of a function in the pointer to it at `function`. */
static bool find(const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static const char *prepare(void)
{
    if (blas.sgemm)
        return NULL;
    with_variable("OPENBLAS_NUM_THREADS", "1", load);
    if (!library || !find("openblas_set_num_threads", &blas.set_num_threads) ||
        !find("openblas_get_corename", &blas.get_corename) || !find("cblas_sgemm", &blas.sgemm))
        return dlerror();
    find("gotoblas_dynamic_init", &blas.dynamic_init);
    find("gotoblas_dynamic_quit", &blas.dynamic_quit);
    return NULL;
}

#else /* linked */

static bool variable_set;

/* Runs before the constructor of an OpenBLAS that is linked from an archive. */
__attribute__((constructor(101))) static void start_no_threads(void)
{
    variable_set = !getenv("OPENBLAS_NUM_THREADS") && setenv("OPENBLAS_NUM_THREADS", "1", 1) == 0;
}

extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

static const char *prepare(void)
{
    if (variable_set)
        unsetenv("OPENBLAS_NUM_THREADS");
    variable_set = false;
    blas.sgemm = cblas_sgemm;
    blas.set_num_threads = openblas_set_num_threads;
    blas.get_corename = openblas_get_corename;
    blas.dynamic_init = gotoblas_dynamic_init;
    blas.dynamic_quit = gotoblas_dynamic_quit;
    return NULL;
}

#endif

/* ---- kernels ----------------------------------------------------------------------------- */

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

static void select_again(void)
{
    blas.dynamic_quit();
    blas.dynamic_init();
}

static void correct_core(enum isa isa, bool forced)
{
    static const char *const cores[ISA_COUNT] = {
        [ISA_BASELINE] = "Prescott", [ISA_AVX2] = "Haswell", [ISA_AVX512] = "SkylakeX"};
    if (!blas.dynamic_init || !blas.dynamic_quit || !cores[isa])
        return;
    enum isa now = core_isa(gemm_core());
    if (forced ? now != isa : (now < isa && !getenv("OPENBLAS_CORETYPE")))
        with_variable("OPENBLAS_CORETYPE", cores[isa], select_again);
}

#else

static void correct_core(enum isa isa, bool forced)
{
    (void)isa, (void)forced;
}

#endif

bool gemm_available(void)
{
    return true;
}

const char *gemm_init(enum isa isa, bool forced)
{
    const char *problem = prepare();
    if (!problem) {
        correct_core(isa_of_floats(isa), forced);
        blas.set_num_threads(1); /* a program may have loaded OpenBLAS with more */
    }
    return problem;
}

const char *gemm_core(void)
{
    return blas.get_corename();
}

void gemm_run(const struct gemm *g)
{
    blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k, 1.0F,
               g->a, (blasint)g->lda, g->b, (blasint)g->ldb, 0.0F, g->c, (blasint)g->ldc);
}
