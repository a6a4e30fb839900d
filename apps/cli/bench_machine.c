/* bench_machine.c - limn bench machine, and the limits that other reports compare with: see bench.h. */
#include "apps/cli/bench.h"
#include "engine/base/memory.h"
#include "engine/base/pages.h"
#include "engine/base/system.h"
#include "engine/run/instruction_set.h"
#include "layers/gemm.h"
#include "layers/simd.h"

#include <math.h>
#include <string.h>

enum { TRIES = 5 };

/* ---- multiply-adds ----------------------------------------------------------------------- */

struct peak_job {
    double seconds;
    double *rates; /* FLOP/s of each task */
};

static void peak_task(void *context, int64_t task, int worker)
{
    (void)worker;
    const struct peak_job *job = context;
    job->rates[task] = simd()->peak(job->seconds, system_seconds);
}

/* Measures all threads at the same time, because they may share power or a core. */
double peak_of_all(struct pool *pool, double seconds)
{
    enum { THREADS_MOST = 1024 };
    double rates[THREADS_MOST], sum = 0;
    int threads = pool_threads(pool);
    struct peak_job job = {seconds, rates};
    pool_run(pool, threads, peak_task, &job);
    for (int i = 0; i < threads; i++)
        sum += rates[i];
    return sum;
}

/* The best rate of a few products of two 2048 x 2048 matrices; NAN without OpenBLAS. */
static limn_status gemm_rate(double *flops, limn_error *error)
{
    enum { SIDE = 2048 };
    struct tensor abc;
    *flops = NAN;
    if (!gemm_available())
        return LIMN_OK;
    limn_status status = tensor_create(1, 3, SIDE, SIDE, &abc, error);
    if (status != LIMN_OK)
        return status;
    float *a = abc.data, *b = a + SIDE * SIDE, *c = b + SIDE * SIDE;
    for (int64_t i = 0; i < 2 * SIDE * SIDE; i++)
        a[i] = (float)(i % 17) / 17;
    double best = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        double start = system_seconds();
        gemm_run(&(struct gemm){SIDE, SIDE, SIDE, a, SIDE, b, SIDE, c, SIDE});
        best = fmin(best, system_seconds() - start);
    }
    *flops = 2.0 * SIDE * SIDE * SIDE / best;
    tensor_free(&abc);
    return LIMN_OK;
}

/* ---- memory ------------------------------------------------------------------------------ */

/* Far more than a core's cache, and usually more than the processor's. */
static const size_t COPIED = (size_t)256 << 20;

struct copy_job {
    char *from, *to;
    size_t piece; /* of a task */
};

static void copy_task(void *context, int64_t task, int worker)
{
    (void)worker;
    const struct copy_job *job = context;
    memcpy(job->to + (size_t)task * job->piece, job->from + (size_t)task * job->piece, job->piece);
}

/* The best rate of copying between the halves of `block`, alternately, by `tasks` threads. */
static double copy_rate(struct pool *pool, char *block, int tasks)
{
    size_t piece = COPIED / (size_t)tasks;
    double best = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        char *from = block + COPIED * (size_t)(i % 2), *to = block + COPIED * (size_t)(1 - i % 2);
        struct copy_job job = {from, to, piece};
        double start = system_seconds();
        pool_run(pool, tasks, copy_task, &job);
        best = fmin(best, system_seconds() - start);
    }
    return 2 * (double)piece * tasks / best;
}

/* Writes the block once, so that no page faults occur while measuring. */
static char *copy_block(struct pool *pool)
{
    char *block = mem_alloc(2 * COPIED);
    if (!block)
        return NULL;
    pages_populate(pool, block, 2 * COPIED);
    memset(block, 1, 2 * COPIED);
    return block;
}

struct roofs roofs_measure(limn_engine *engine, bool bandwidth)
{
    struct roofs roofs = {.flops = peak_of_all(engine->pool, 0.1)};
    char *block = bandwidth ? copy_block(engine->pool) : NULL;
    if (block)
        roofs.bandwidth = copy_rate(engine->pool, block, pool_threads(engine->pool));
    mem_free(block);
    return roofs;
}

/* ---- report ------------------------------------------------------------------------------ */

const char *bound_by(const struct roofs *roofs, double flops, double bytes)
{
    if (roofs->bandwidth <= 0)
        return NULL;
    return flops / roofs->flops >= bytes / roofs->bandwidth ? "compute" : "memory";
}

const char *limit_text(const struct roofs *roofs, double flops, double bytes, double seconds,
                       char text[LIMIT_TEXT])
{
    const char *bound = bound_by(roofs, flops, bytes);
    bool memory = bound && strcmp(bound, "memory") == 0;
    double least = memory ? bytes / roofs->bandwidth : flops / roofs->flops;
    snprintf(text, LIMIT_TEXT, "%.1f%% %s", 100 * least / seconds, memory ? "memory" : "compute");
    return text;
}

const char *cpu_text(char text[128])
{
    if (!system_cpu_name(text, 128))
        snprintf(text, 128, "unknown");
    return text;
}

void bench_begin(struct report *report, const struct options *options, const char *kind,
                 const limn_engine *engine, const struct roofs *roofs)
{
    char cpu[128];
    struct cell bandwidth = roofs->bandwidth > 0 ? cell_number(roofs->bandwidth / 1e9) : cell_text(NULL);
    const struct field facts[] = {
        {"bench", NULL, NULL, 0, cell_text(kind)},
        {"limn", NULL, NULL, 0, cell_text(LIMN_VERSION)},
        {"engine", "", NULL, 0, cell_text(limn_engine_describe(engine))},
        {"cpu", "processor", NULL, 0, cell_text(cpu_text(cpu))},
        {"isa", NULL, NULL, 0, cell_text(isa_name(isa_in_use().isa))},
        {"precision", NULL, NULL, 0, cell_text(precision_name(engine->rule.precision))},
        {"threads", NULL, NULL, 0, cell_number(limn_engine_threads(engine))},
        {"peak_gflops", "FMA peak, all threads", "%.1f GFLOP/s", 0, cell_number(roofs->flops / 1e9)},
        {"bandwidth_gb_per_s", "copy rate, all threads", "%.1f GB/s read and written", 0, bandwidth},
    };
    report_begin(report, options);
    report_facts(report, facts, sizeof facts / sizeof *facts);
}

limn_status bench_machine(const struct options *options, limn_error *error)
{
    limn_engine *engine;
    double gemm;
    limn_status status = app_engine(options, &engine, error);
    if (status != LIMN_OK)
        return status;
    double core = simd()->peak(0.5, system_seconds);
    status = gemm_rate(&gemm, error);
    char *block = status == LIMN_OK ? copy_block(engine->pool) : NULL;
    if (status == LIMN_OK && !block)
        status = fail_memory(error, "the bandwidth measurement", 2 * COPIED);
    if (status == LIMN_OK) {
        struct report report;
        double one = copy_rate(engine->pool, block, 1);
        mem_free(block);
        struct roofs roofs = roofs_measure(engine, true);
        double memory = (double)(mem_in_use() + mem_available()) / 1e6;
        const struct field facts[] = {
            {"core_peak_gflops", "FMA peak, one core", "%.1f GFLOP/s", 0, cell_number(core / 1e9)},
            {"gemm_gflops", "OpenBLAS, 2048^3, one core", "%.1f GFLOP/s", 0, cell_number(gemm / 1e9)},
            {"copy_gb_per_s", "copy rate, one thread", "%.1f GB/s read and written", 0,
             cell_number(one / 1e9)},
            {"memory_mb", "memory available to limn", "%.0f MB", 0, cell_number(memory)},
        };
        bench_begin(&report, options, "machine", engine, &roofs);
        report_record(&report, facts, sizeof facts / sizeof *facts);
        report_end(&report);
    }
    limn_engine_free(engine);
    return status;
}
