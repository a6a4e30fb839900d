/* resample.c - see resample.h.
 *
 * Each sample of the result is a weighted mean of the source samples around its position:
 *
 *     y[i] = sum_k w[i][k] x[first[i] + k],   w[i][k] ~ filter((first[i] + k + 1/2 - centre) / stretch)
 *     centre = (i + 1/2) * scale,  scale = source size / result size,  stretch = max(scale, 1)
 *
 * with the weights of each i normalised to sum 1. They depend on i only, so one table serves all rows and
 * another all columns. The weights are 22-bit fixed point: 255 times their sum fits 32 bits.
 *
 * Rows pass through one at a time. Only those that the next row of the result needs are kept:
 *
 *     [row of the source] => times alpha => across => [rows kept] => down => / alpha => [row of the result]
 *
 * or first down, then across, whichever order Pillow takes. */
#include "engine/pictures/resample.h"
#include "engine/base/memory.h"
#include "engine/pictures/alpha.h"
#include "layers/sizes.h"

#include <math.h>
#include <string.h>

enum { WEIGHT_BITS = 32 - 8 - 2 };

struct weights {
    int64_t count, room; /* samples of the result; weights stored for each */
    int64_t *first, *taps;
    int32_t *weight; /* count x room */
};

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys' cubic convolution (1981), a = -1/2, in Pillow's order of operations. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static void weights_free(struct weights *weights)
{
    mem_free(weights->first);
    mem_free(weights->taps);
    mem_free(weights->weight);
}

/* Fills the weights of result sample i; `real` is scratch for weights->room values. */
static void fill_weights(struct weights *weights, int64_t i, double scale, enum resample_filter filter,
                         int64_t from, double *real)
{
    double stretch = scale < 1.0 ? 1.0 : scale;
    double support = (filter == RESAMPLE_BICUBIC ? 2.0 : 1.0) * stretch;
    double centre = ((double)i + 0.5) * scale, total = 0.0;
    int64_t first = (int64_t)(centre - support + 0.5), end = (int64_t)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > from ? from : end;
    for (int64_t k = 0; k < end - first; k++) {
        double x = ((double)(k + first) - centre + 0.5) * (1.0 / stretch);
        real[k] = filter == RESAMPLE_BICUBIC ? cubic(x) : triangle(x);
        total += real[k];
    }
    for (int64_t k = 0; k < end - first; k++) {
        double fixed = (total != 0.0 ? real[k] / total : real[k]) * (1 << WEIGHT_BITS);
        weights->weight[i * weights->room + k] = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    weights->first[i] = first;
    weights->taps[i] = end - first;
}

/* The most weights of a sample of the result. */
static int64_t weights_room(int64_t from, int64_t to, enum resample_filter filter)
{
    double scale = (double)from / (double)to;
    double support = (filter == RESAMPLE_BICUBIC ? 2.0 : 1.0) * (scale < 1.0 ? 1.0 : scale);
    return (int64_t)ceil(support) * 2 + 1;
}

static limn_status weights_create(int64_t from, int64_t to, enum resample_filter filter,
                                  struct weights *weights, limn_error *error)
{
    double scale = (double)from / (double)to;
    weights->count = to;
    weights->room = weights_room(from, to, filter);
    weights->first = mem_zalloc(1, size_product(to, sizeof *weights->first));
    weights->taps = mem_zalloc(1, size_product(to, sizeof *weights->taps));
    size_t cells;
    bool fits = size_multiply((uint64_t)to, (uint64_t)weights->room, &cells);
    weights->weight = fits ? mem_zalloc(cells, sizeof *weights->weight) : NULL;
    double *real = mem_zalloc(1, size_product(weights->room, sizeof *real));
    limn_status status = LIMN_OK;
    if (!weights->first || !weights->taps || !weights->weight || !real)
        status = fail_memory(error, "resizing weights", cells * sizeof *weights->weight);
    for (int64_t i = 0; !status && i < to; i++)
        fill_weights(weights, i, scale, filter, from, real);
    mem_free(real);
    return status;
}

static unsigned char round_sample(int32_t sum)
{
    int32_t value = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- a row ------------------------------------------------------------------------------- */

/* `channels` is 1, 3 or 4, constant after inlining. */
static inline void resample_across(const unsigned char *row, const struct weights *weights, int channels,
                                   unsigned char *out)
{
    for (int64_t i = 0; i < weights->count; i++, out += channels) {
        const unsigned char *in = row + weights->first[i] * channels;
        const int32_t *weight = weights->weight + i * weights->room;
        int32_t sum[4] = {0};
        for (int64_t k = 0; k < weights->taps[i]; k++, in += channels)
            for (int c = 0; c < channels; c++)
                sum[c] += in[c] * weight[k];
        for (int c = 0; c < channels; c++)
            out[c] = round_sample(sum[c]);
    }
}

static void resample_row(const unsigned char *row, const struct weights *weights, int channels,
                         unsigned char *out)
{
    switch (channels) {
    case 1:
        resample_across(row, weights, 1, out);
        break;
    case 3:
        resample_across(row, weights, 3, out);
        break;
    default:
        resample_across(row, weights, 4, out);
    }
}

/* ---- row by row -------------------------------------------------------------------------- */

struct resampler {
    struct resampling how;
    struct weights across, down;
    bool down_first;
    int64_t samples;      /* of a kept row */
    unsigned char *kept;  /* down.room rows; row y of the source is at y % down.room */
    unsigned char *line;  /* a row of the source's width */
    unsigned char *made;  /* a row of the result */
    int32_t *sums;        /* of a kept row */
    int64_t taken, given; /* rows so far */
};

/* The order matters because the first pass rounds to bytes. Pillow resizes the width first; since version 13
 * it resizes the height first if that leaves far fewer rows for the other pass. */
static bool goes_down_first(const struct resampling *how)
{
    int64_t rows_less = how->height - how->to_height, columns_less = how->width - how->to_width;
    return rows_less > 0 && rows_less > 2 * columns_less;
}

static int64_t kept_samples(const struct resampling *how)
{
    return (goes_down_first(how) ? how->width : how->to_width) * how->channels;
}

static size_t kept_bytes(const struct resampling *how)
{
    return size_product(weights_room(how->height, how->to_height, how->filter) * kept_samples(how), 1);
}

/* Bytes of a resampler's blocks but for the weights. */
static size_t rows_bytes(const struct resampling *how)
{
    size_t rows = size_product((how->width + how->to_width) * how->channels, 1);
    return size_sum(size_sum(kept_bytes(how), rows), size_product(kept_samples(how), sizeof(int32_t)));
}

limn_status resampler_create(const struct resampling *how, struct resampler **resampler, limn_error *error)
{
    *resampler = NULL;
    if (how->to_width < 1 || how->to_height < 1)
        return fail(error, LIMN_E_USAGE, "a picture cannot be resized to %lld x %lld",
                    (long long)how->to_width, (long long)how->to_height);
    struct resampler *r = mem_zalloc(1, sizeof *r);
    if (!r)
        return fail_memory(error, "resizing", sizeof *r);
    *r = (struct resampler){.how = *how, .down_first = goes_down_first(how), .samples = kept_samples(how)};
    limn_status status = weights_create(how->width, how->to_width, how->filter, &r->across, error);
    if (status == LIMN_OK)
        status = weights_create(how->height, how->to_height, how->filter, &r->down, error);
    if (status == LIMN_OK) {
        r->kept = mem_alloc(kept_bytes(how));
        r->line = mem_alloc(size_product(how->width, (size_t)how->channels));
        r->made = mem_alloc(size_product(how->to_width, (size_t)how->channels));
        r->sums = mem_alloc(size_product(r->samples, sizeof *r->sums));
        if (!r->kept || !r->line || !r->made || !r->sums)
            status = fail_memory(error, "resizing", rows_bytes(how));
    }
    if (status == LIMN_OK)
        *resampler = r;
    else
        resampler_free(r);
    return status;
}

void resampler_free(struct resampler *resampler)
{
    if (!resampler)
        return;
    weights_free(&resampler->across);
    weights_free(&resampler->down);
    mem_free(resampler->kept);
    mem_free(resampler->line);
    mem_free(resampler->made);
    mem_free(resampler->sums);
    mem_free(resampler);
}

static void keep_row(struct resampler *r, const unsigned char *row)
{
    unsigned char *kept = r->kept + r->taken++ % r->down.room * r->samples;
    if (r->how.channels == 4) {
        alpha_multiply(row, r->how.width, r->line);
        row = r->line;
    }
    if (r->down_first)
        memcpy(kept, row, (size_t)r->samples);
    else
        resample_row(row, &r->across, r->how.channels, kept);
}

/* Adds up the kept rows of row `y` of the result, weight by weight. */
static void resample_down(const struct resampler *r, int64_t y, unsigned char *out)
{
    memset(r->sums, 0, (size_t)r->samples * sizeof *r->sums);
    for (int64_t k = 0; k < r->down.taps[y]; k++) {
        const unsigned char *row = r->kept + (r->down.first[y] + k) % r->down.room * r->samples;
        int32_t weight = r->down.weight[y * r->down.room + k];
        for (int64_t i = 0; i < r->samples; i++)
            r->sums[i] += row[i] * weight;
    }
    for (int64_t i = 0; i < r->samples; i++)
        out[i] = round_sample(r->sums[i]);
}

static void make_row(struct resampler *r)
{
    resample_down(r, r->given++, r->down_first ? r->line : r->made);
    if (r->down_first)
        resample_row(r->line, &r->across, r->how.channels, r->made);
    if (r->how.channels == 4)
        alpha_divide(r->made, r->how.to_width);
}

/* The kept rows suffice: each row of the result is made as soon as the last row it needs is there. */
limn_status resampler_rows(struct resampler *r, const struct picture *rows, const struct rows_taker *taker,
                           limn_error *error)
{
    const struct picture made = {
        .width = r->how.to_width, .height = 1, .channels = r->how.channels, .pixels = r->made};
    limn_status status = LIMN_OK;
    for (int64_t y = 0; status == LIMN_OK && y < rows->height; y++) {
        keep_row(r, rows->pixels + y * rows->width * rows->channels);
        while (status == LIMN_OK && r->given < r->how.to_height &&
               r->down.first[r->given] + r->down.taps[r->given] <= r->taken) {
            make_row(r);
            status = taker->rows(taker->context, &made, error);
        }
    }
    return status;
}

static size_t weights_bytes(int64_t from, int64_t to, enum resample_filter filter)
{
    int64_t room = weights_room(from, to, filter);
    return size_product(to * (16 + 4 * room) + 8 * room, 1);
}

size_t resampler_bytes(const struct resampling *how)
{
    enum { SMALL = 2048 }; /* the struct, and block headers */
    size_t across = weights_bytes(how->width, how->to_width, how->filter);
    size_t down = weights_bytes(how->height, how->to_height, how->filter);
    return size_sum(size_sum(across, down), size_sum(rows_bytes(how), SMALL));
}

/* ---- a whole picture --------------------------------------------------------------------- */

static limn_status append_row(void *context, const struct picture *row, limn_error *error)
{
    unsigned char **end = context;
    size_t bytes = (size_t)(row->width * row->channels);
    (void)error;
    memcpy(*end, row->pixels, bytes);
    *end += bytes;
    return LIMN_OK;
}

static struct resampling resampling_of(const struct picture *source, int64_t width, int64_t height,
                                       enum resample_filter filter)
{
    return (struct resampling){source->width, source->height, width, height, source->channels, filter};
}

/* A picture that keeps its size is copied, as in Pillow: RGBA is not multiplied by alpha and divided again.
 */
limn_status picture_resample(const struct picture *source, int64_t width, int64_t height,
                             enum resample_filter filter, struct picture *result, limn_error *error)
{
    const struct resampling how = resampling_of(source, width, height, filter);
    bool copies = width == source->width && height == source->height;
    struct resampler *resampler = NULL;
    *result = (struct picture){0};
    limn_status status = copies ? LIMN_OK : resampler_create(&how, &resampler, error);
    if (status == LIMN_OK)
        status = picture_create(width, height, source->channels, result, error);
    if (status == LIMN_OK && copies)
        memcpy(result->pixels, source->pixels, (size_t)(width * height * source->channels));
    else if (status == LIMN_OK)
        status = resampler_rows(resampler, source,
                                &(struct rows_taker){append_row, &(unsigned char *){result->pixels}}, error);
    resampler_free(resampler);
    return status;
}

int64_t resample_side(int64_t side, int64_t most, int64_t longer)
{
    return longer > most ? larger((side * most + longer / 2) / longer, 1) : side;
}

size_t picture_resample_bytes(const struct picture *source, int64_t width, int64_t height,
                              enum resample_filter filter)
{
    const struct resampling how = resampling_of(source, width, height, filter);
    bool copies = width == source->width && height == source->height;
    return size_sum(size_product(width * height, (size_t)source->channels),
                    copies ? 0 : resampler_bytes(&how));
}
