/* bench_contest.c - measures all variants of a layer in turn: see bench.h. */
#include "apps/cli/bench.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "layers/simd.h"

#include <math.h>
#include <string.h>

enum { ROUNDS_LEAST = 5, ROUNDS_MOST = 1000 };
static const double TOO_SLOW = 2; /* seconds; then the warm-up is the measurement, unless --reps is given */

/* ---- setting up -------------------------------------------------------------------------- */

/* Random values in -1 .. 1. */
static void fill(float *values, size_t count, uint64_t state)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(2 * bench_random(&state) - 1);
}

/* Weights in PyTorch's order: OC x IC x KH x KW, for a transposed convolution IC x OC x KH x KW. */
static void pack_all(const struct contest *contest, const struct step *step, void *packed)
{
    const struct layer_dims *d = &contest->shape->d;
    const struct layer_variant *variant = step->variant;
    bool transposed = contest->shape->kind == LAYER_CONV2D_TRANSPOSE;
    int64_t taps = d->kh * d->kw;
    struct layer_weights w = {.stride_h = d->kw, .stride_w = 1};
    w.stride_o = transposed ? taps : d->ic * taps;
    w.stride_i = transposed ? d->oc * taps : taps;
    for (int64_t task = 0; task < step->needs.pack_tasks; task++) {
        struct layer_span span = {AXIS_OUTPUT, 0, d->oc};
        if (variant->pack_span)
            span = variant->pack_span(d, task);
        w.data = contest->w + span.first * (span.axis == AXIS_OUTPUT ? w.stride_o : w.stride_i);
        variant->pack_task(d, &w, packed, task);
    }
}

static limn_status enter(struct contest *contest, const struct layer_variant *variant, int threads,
                         limn_error *error)
{
    const struct shape *shape = contest->shape;
    const struct layer_dims *d = &shape->d;
    struct contestant *c = &contest->contestants[contest->count++];
    *c = (struct contestant){.error = NAN};
    struct step *step = &c->step;
    step->op = &layer_operators[shape->kind];
    step->args =
        (struct layer_args){.d = *d, .x = contest->x, .x_stride = d->ic, .y = contest->y, .y_stride = d->oc};
    step->args.epilogue = (struct epilogue){.residual = contest->residual,
                                            .residual_stride = d->oc,
                                            .activation = shape->activation,
                                            .slope = 0.2F};
    step_choose(step, variant, CHOICE_FASTEST);
    const struct layer_needs *needs = &step->needs;
    size_t scratch_bytes = workspace_stride(needs->workspace_bytes) * (size_t)threads;
    void *packed = mem_alloc(needs->packed_bytes);
    step->args.packed = packed;
    step->args.shared = mem_alloc(needs->shared_bytes);
    step->workspace = mem_alloc(scratch_bytes);
    if (!packed || !step->args.shared || !step->workspace)
        return fail_memory(error, variant->name, needs->packed_bytes + needs->shared_bytes + scratch_bytes);
    pack_all(contest, step, packed);
    return LIMN_OK;
}

static bool is_wanted(const struct contest *contest, const struct layer_variant *variant)
{
    const struct texts *names = contest->variants;
    int i = 0;
    while (i < names->count && strcmp(names->items[i], variant->name) != 0)
        i++;
    return i < names->count || !names->count;
}

static limn_status create_tensors(struct contest *contest, limn_error *error)
{
    const struct layer_dims *d = &contest->shape->d;
    const struct layer_variant *first = layer_operators[contest->shape->kind].variants[0];
    bool judged = first->family == FAMILY_REFERENCE && is_wanted(contest, first);
    size_t x = (size_t)(d->n * d->ih * d->iw * d->ic), w = (size_t)(d->kh * d->kw * d->ic * d->oc);
    size_t y = (size_t)(d->n * d->oh * d->ow * d->oc), residual = contest->shape->add ? y : 0;
    size_t expected = judged ? y : 0;
    contest->x = mem_alloc(x * sizeof(float));
    contest->w = mem_alloc(w * sizeof(float));
    contest->y = mem_alloc(y * sizeof(float));
    contest->residual = residual ? mem_alloc(residual * sizeof(float)) : NULL;
    contest->expected = expected ? mem_alloc(expected * sizeof(float)) : NULL;
    if (!contest->x || !contest->w || !contest->y || (residual && !contest->residual) ||
        (expected && !contest->expected))
        return fail_memory(error, contest->shape->text, (x + w + y + residual + expected) * sizeof(float));
    fill(contest->x, x, 1);
    fill(contest->w, w, 2);
    fill(contest->residual, residual, 3);
    return LIMN_OK;
}

limn_status contest_create(const struct shape *shape, const struct texts *variants, int threads,
                           struct contest *contest, limn_error *error)
{
    *contest = (struct contest){.shape = shape, .variants = variants};
    limn_status status = create_tensors(contest, error);
    for (const struct layer_variant *const *v = layer_operators[shape->kind].variants;
         status == LIMN_OK && *v && contest->count < VARIANTS_MOST; v++)
        if (is_wanted(contest, *v) && (*v)->applies(&shape->d))
            status = enter(contest, *v, threads, error);
    contest->samples = (struct samples){.series = contest->count};
    return status;
}

void contest_free(struct contest *contest)
{
    for (size_t i = 0; i < contest->count; i++) {
        mem_free((void *)contest->contestants[i].step.args.packed);
        mem_free(contest->contestants[i].step.args.shared);
        mem_free(contest->contestants[i].step.workspace);
    }
    mem_free(contest->x);
    mem_free(contest->w);
    mem_free(contest->residual);
    mem_free(contest->y);
    mem_free(contest->expected);
    samples_free(&contest->samples);
}

/* ---- the reference ----------------------------------------------------------------------- */

/* The row of the i-th task that the reference runs: the first, the last, and evenly spaced ones between. */
static int64_t expected_row(const struct contest *contest, int64_t i)
{
    int64_t rows = contest->contestants[0].step.needs.run_tasks, run = contest->expected_tasks;
    return run > 1 ? i * (rows - 1) / (run - 1) : 0;
}

/* The number of tasks that the reference runs: more of a small layer. */
static int64_t rows_to_run(const struct contest *contest)
{
    enum { LEAST = 6, MOST = 64 };
    const double flops_most = 2e8;
    const struct layer_dims *d = &contest->shape->d;
    int64_t rows = contest->contestants[0].step.needs.run_tasks;
    double flops = layer_operators[contest->shape->kind].flops(d) / (double)rows;
    double run = fmin(MOST, fmax(LEAST, flops_most / fmax(flops, 1)));
    return run < (double)rows ? (int64_t)run : rows;
}

/* Runs the reference on its rows. Returns its time, scaled to all rows and divided among the threads. */
static double run_reference(struct contest *contest, int threads)
{
    const struct contestant *reference = &contest->contestants[0];
    struct layer_args args = reference->step.args;
    args.y = contest->expected;
    contest->expected_tasks = rows_to_run(contest);
    double start = system_seconds();
    for (int64_t i = 0; i < contest->expected_tasks; i++)
        reference->step.variant->run_task(&args, expected_row(contest, i), reference->step.workspace);
    double rows = (double)reference->step.needs.run_tasks;
    return (system_seconds() - start) * rows / (double)contest->expected_tasks / fmin(threads, rows);
}

/* The difference of a value that is not finite is larger than any other. */
static double difference(float got, float expected)
{
    const double beyond = 1e30;
    return isfinite(got) ? fabs((double)got - (double)expected) : beyond;
}

static double error_of(const struct contest *contest)
{
    const struct layer_dims *d = &contest->shape->d;
    int64_t floats = d->ow * d->oc;
    double largest = 0, magnitude = 0;
    for (int64_t i = 0; i < contest->expected_tasks; i++) {
        int64_t first = expected_row(contest, i) * floats;
        for (int64_t j = first; j < first + floats; j++) {
            largest = fmax(largest, difference(contest->y[j], contest->expected[j]));
            magnitude = fmax(magnitude, fabs((double)contest->expected[j]));
        }
    }
    return magnitude > 0 ? largest / magnitude : largest;
}

/* ---- rounds ------------------------------------------------------------------------------ */

static double timed(const struct step *step, struct pool *pool)
{
    double start = system_seconds();
    step_run(step, pool, NULL);
    return system_seconds() - start;
}

/* Fills the output with NaN, so that a value that a variant does not write is not the previous variant's. */
static void spoil(struct contest *contest)
{
    const struct layer_dims *d = &contest->shape->d;
    for (int64_t i = 0; i < d->n * d->oh * d->ow * d->oc; i++)
        contest->y[i] = NAN;
}

/* The warm-up round. It keeps the times only of variants that are not run again. */
static limn_status warm_up(struct contest *contest, struct pool *pool, bool patient, limn_error *error)
{
    double *row;
    limn_status status = samples_next(&contest->samples, &row, error);
    if (status != LIMN_OK)
        return status;
    for (size_t i = 0; i < contest->count; i++) {
        struct contestant *c = &contest->contestants[i];
        c->once = i == 0 && contest->expected;
        if (c->once) {
            row[i] = run_reference(contest, pool_threads(pool));
            continue;
        }
        spoil(contest);
        double seconds = timed(&c->step, pool);
        if (contest->expected)
            c->error = error_of(contest);
        c->once = seconds > TOO_SLOW && !patient;
        if (c->once)
            row[i] = seconds;
    }
    return LIMN_OK;
}

limn_status contest_run(struct contest *contest, struct pool *pool, int64_t reps, double seconds,
                        limn_error *error)
{
    uint64_t denormals = cpu_flush_denormals();
    limn_status status = warm_up(contest, pool, reps > 0, error);
    int64_t least = reps ? reps : ROUNDS_LEAST, most = reps ? reps : ROUNDS_MOST;
    double begin = system_seconds();
    for (int64_t round = 0; status == LIMN_OK && round < most; round++) {
        double *row;
        if (round >= least && system_seconds() - begin >= seconds)
            break;
        status = samples_next(&contest->samples, &row, error);
        for (size_t i = 0; status == LIMN_OK && i < contest->count; i++)
            if (!contest->contestants[i].once)
                row[i] = timed(&contest->contestants[i].step, pool);
    }
    cpu_restore_denormals(denormals);
    return status;
}
