/* bench_samples.c - times of several things measured in turn, and random inputs: see bench.h. */
#include "apps/cli/bench.h"
#include "engine/base/memory.h"

#include <math.h>
#include <stdlib.h>

enum { SPREAD_LEAST = 3 };

limn_status samples_next(struct samples *samples, double **row, limn_error *error)
{
    if (samples->rounds == samples->room) {
        size_t room = samples->room ? 2 * samples->room : 64, bytes;
        if (!size_multiply(room, (samples->series + 1) * sizeof(double), &bytes))
            bytes = SIZE_MAX;
        double *grown = mem_resize(samples->seconds, bytes);
        if (!grown)
            return fail_memory(error, "the measurements", bytes);
        samples->seconds = grown;
        samples->room = room;
    }
    *row = samples->seconds + samples->rounds++ * samples->series;
    for (size_t i = 0; i < samples->series; i++)
        (*row)[i] = NAN;
    return LIMN_OK;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double quantile(const double *sorted, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t below = (size_t)at, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

struct summary samples_of(struct samples *samples, size_t series)
{
    double *sorted = samples->seconds + samples->room * samples->series;
    size_t count = 0;
    for (size_t round = 0; round < samples->rounds; round++) {
        double seconds = samples->seconds[round * samples->series + series];
        if (isfinite(seconds))
            sorted[count++] = seconds;
    }
    if (!count)
        return (struct summary){0};
    qsort(sorted, count, sizeof *sorted, ascending);
    double spread = quantile(sorted, count, 0.75) - quantile(sorted, count, 0.25);
    return (struct summary){.count = count,
                            .least = sorted[0],
                            .median = quantile(sorted, count, 0.5),
                            .p90 = quantile(sorted, count, 0.9),
                            .spread = count >= SPREAD_LEAST ? spread : NAN};
}

/* Knuth's 64-bit linear congruential generator. */
double bench_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 40) / (1 << 24);
}

void samples_free(struct samples *samples)
{
    mem_free(samples->seconds);
    *samples = (struct samples){.series = samples->series};
}
