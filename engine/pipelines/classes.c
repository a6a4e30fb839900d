/* classes.c - see classes.h.
 *
 * Bilinear interpolation is separable, and a row of the result needs two rows of logits only. So each row is
 * made in two steps, the first of which costs little when the picture is larger than the logits:
 *
 *     two rows of logits, w x C  =>  their mixture, w x C  =>  for each of W pixels, C sums and a comparison
 *
 * layers/bilinear.c has the formula of the source coordinate. Neighbouring rows of the result share rows
 * of logits: a task makes some rows, and keeps the last two rows of logits. */
#include "engine/pipelines/classes.h"
#include "engine/base/maths.h"
#include "engine/base/memory.h"
#include "layers/bilinear.h"
#include "layers/cpu.h"
#include "layers/sizes.h"

#include <math.h>
#include <string.h>

/* ---- rows of logits ---------------------------------------------------------------------- */

static void copy_row(const struct tensor *made, int64_t row, float *out)
{
    const float *in = made->data + row * made->w * made->stride;
    for (int64_t x = 0; x < made->w; x++, in += made->stride, out += made->c)
        memcpy(out, in, (size_t)made->c * sizeof *out);
}

static void enlarge_row(const struct logits *logits, int64_t row, float *out)
{
    const struct tensor *made = logits->made;
    struct layer_args args = {.x = made->data, .x_stride = made->stride, .y_stride = made->c};
    args.d = (struct layer_dims){.n = 1, .ih = made->h, .iw = made->w, .ic = made->c};
    args.d.oh = logits->height, args.d.ow = logits->width, args.d.oc = made->c;
    args.d.align_corners = logits->align_corners;
    uint64_t denormals = cpu_flush_denormals(); /* as in a session's run */
    bilinear_row(&args, row, out);
    cpu_restore_denormals(denormals);
}

void logits_row(const struct logits *logits, int64_t row, float *out)
{
    if (logits->height == logits->made->h && logits->width == logits->made->w)
        copy_row(logits->made, row, out);
    else
        enlarge_row(logits, row, out);
}

/* ---- classes ----------------------------------------------------------------------------- */

enum { STRIP = 16 }; /* rows of the result that are one task */

struct job {
    const struct logits *logits;
    struct picture *classes;
    struct bilinear_sample *columns; /* of each pixel of a row */
    float *rows;                     /* for each thread: two rows of logits and their mixture */
    double least;                    /* the threshold of a single channel's logit */
};

/* Two neighbouring rows of logits: row r is in rows[r % 2]. */
struct pair {
    const struct logits *logits;
    float *rows[2];
    int64_t held[2]; /* which rows they are; -1: none */
};

static int64_t row_floats(const struct logits *logits)
{
    return logits->width * logits->made->c;
}

static const float *pair_row(struct pair *pair, int64_t row)
{
    int64_t at = row % 2;
    if (pair->held[at] != row)
        logits_row(pair->logits, row, pair->rows[at]);
    pair->held[at] = row;
    return pair->rows[at];
}

static void mix_rows(struct pair *pair, struct bilinear_sample at, float *restrict mixed)
{
    const float *top = pair_row(pair, at.low), *bottom = pair_row(pair, at.high);
    float upper = 1 - at.weight, lower = at.weight;
    int64_t count = row_floats(pair->logits);
    for (int64_t i = 0; i < count; i++)
        mixed[i] = upper * top[i] + lower * bottom[i];
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

static void classify_row(const struct job *job, const float *mixed, unsigned char *out)
{
    int64_t count = job->logits->made->c;
    for (int64_t x = 0; x < job->classes->width; x++) {
        struct bilinear_sample at = job->columns[x];
        const float *a = mixed + at.low * count, *b = mixed + at.high * count;
        out[x] =
            count > 1 ? largest(a, b, at.weight, count) : (1 - at.weight) * *a + at.weight * *b > job->least;
    }
}

static void classify_strip(void *context, int64_t strip, int worker)
{
    const struct job *job = context;
    const struct picture *classes = job->classes;
    int64_t floats = row_floats(job->logits), end = (strip + 1) * STRIP;
    float *rows = job->rows + 3 * worker * floats, *mixed = rows + 2 * floats;
    struct pair pair = {job->logits, {rows, rows + floats}, {-1, -1}};
    for (int64_t row = strip * STRIP; row < end && row < classes->height; row++) {
        mix_rows(&pair, bilinear_sample(row, job->logits->height, classes->height, false), mixed);
        classify_row(job, mixed, classes->pixels + row * classes->width);
    }
}

static size_t rows_bytes(const struct pool *pool, int64_t floats)
{
    return float_bytes(3 * pool_threads(pool) * floats);
}

static size_t columns_bytes(int64_t width)
{
    return size_product(width, sizeof(struct bilinear_sample));
}

size_t classes_bytes(const struct pool *pool, int64_t width, int64_t channels, int64_t classes_width)
{
    return size_sum(rows_bytes(pool, width * channels), columns_bytes(classes_width));
}

limn_status classes_from_logits(struct pool *pool, const struct logits *logits, double threshold,
                                const struct watch *watch, struct picture *classes, limn_error *error)
{
    size_t columns = columns_bytes(classes->width), rows = rows_bytes(pool, row_floats(logits));
    struct job job = {.logits = logits,
                      .classes = classes,
                      .columns = mem_alloc(columns),
                      .rows = mem_alloc(rows),
                      /* sigmoid(x) > t  <=>  x > ln(t / (1 - t)) */
                      .least = maths_log(threshold / (1 - threshold))};
    limn_status status = LIMN_OK;
    if (job.columns && job.rows) {
        for (int64_t x = 0; x < classes->width; x++)
            job.columns[x] = bilinear_sample(x, logits->width, classes->width, false);
        uint64_t denormals = cpu_flush_denormals(); /* as in the pool's own threads */
        status = watch_tasks(watch, pool, (classes->height + STRIP - 1) / STRIP, classify_strip, &job, error);
        cpu_restore_denormals(denormals);
    } else {
        status = fail_memory(error, "rows of logits", columns + rows);
    }
    mem_free(job.columns);
    mem_free(job.rows);
    return status;
}
