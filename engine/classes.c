/* classes.c - see classes.h.
 *
 * Bilinear interpolation is separable, and a row of the result needs two rows of logits only. So each row is
 * made in two steps, the first of which costs little when the picture is larger than the logits:
 *
 *     two rows of logits, w x C  =>  their mixture, w x C  =>  for each of W pixels, C sums and a comparison
 *
 * layers/bilinear.c has the formula of the source coordinate. */
#include "classes.h"
#include "bilinear.h"
#include "memory.h"

#include <math.h>

struct job {
    const struct tensor *logits;
    struct picture *classes;
    struct bilinear_sample *columns; /* of each pixel of a row */
    float *rows;                     /* one mixed row, w x C, for each thread */
    double least;                    /* a single channel's logit must be larger */
};

static void mix_rows(const struct tensor *logits, struct bilinear_sample at, float *restrict mixed)
{
    const float *top = logits->data + at.low * logits->w * logits->stride;
    const float *bottom = logits->data + at.high * logits->w * logits->stride;
    float upper = 1 - at.weight, lower = at.weight;
    for (int64_t x = 0; x < logits->w; x++, top += logits->stride, bottom += logits->stride)
        for (int64_t c = 0; c < logits->c; c++)
            *mixed++ = upper * top[c] + lower * bottom[c];
}

static unsigned char largest(const float *a, const float *b, float weight, int64_t count)
{
    float left = 1 - weight, best = left * a[0] + weight * b[0];
    int64_t class = 0;
    for (int64_t c = 1; c < count; c++) {
        float logit = left * a[c] + weight * b[c];
        if (logit > best) {
            best = logit;
            class = c;
        }
    }
    return (unsigned char)class;
}

static void classify_row(void *context, int64_t row, int worker)
{
    const struct job *job = context;
    const struct tensor *logits = job->logits;
    int64_t count = logits->c, width = job->classes->width;
    float *mixed = job->rows + worker * logits->w * count;
    unsigned char *out = job->classes->pixels + row * width;
    mix_rows(logits, bilinear_sample(row, logits->h, job->classes->height, false), mixed);
    for (int64_t x = 0; x < width; x++) {
        struct bilinear_sample at = job->columns[x];
        const float *a = mixed + at.low * count, *b = mixed + at.high * count;
        out[x] =
            count > 1 ? largest(a, b, at.weight, count) : (1 - at.weight) * *a + at.weight * *b > job->least;
    }
}

limn_status classes_from_logits(struct pool *pool, const struct tensor *logits, double threshold,
                                struct picture *classes, limn_error *error)
{
    size_t columns = (size_t)classes->width * sizeof(struct bilinear_sample);
    size_t rows = (size_t)(pool_threads(pool) * logits->w * logits->c) * sizeof(float);
    struct job job = {.logits = logits,
                      .classes = classes,
                      .columns = mem_alloc(columns),
                      .rows = mem_alloc(rows),
                      /* sigmoid(x) > t  <=>  x > ln(t / (1 - t)) */
                      .least = log(threshold / (1 - threshold))};
    bool made = job.columns && job.rows;
    if (made) {
        for (int64_t x = 0; x < classes->width; x++)
            job.columns[x] = bilinear_sample(x, logits->w, classes->width, false);
        pool_run(pool, classes->height, classify_row, &job);
    }
    mem_free(job.columns);
    mem_free(job.rows);
    return made ? LIMN_OK : fail_memory(error, "rows of logits", columns + rows);
}
