/* resample.c - see resample.h.
 *
 * Each sample of the result is a weighted mean of the source samples around its position:
 *
 *     y[i] = sum_k w[i][k] x[first[i] + k],   w[i][k] ~ filter((first[i] + k + 1/2 - centre) / stretch)
 *     centre = (i + 1/2) * scale,  scale = source size / result size,  stretch = max(scale, 1)
 *
 * with the weights of each i normalised to sum 1. They depend on i only, so one table serves all rows and
 * another all columns. The weights are 22-bit fixed point: 255 times their sum fits 32 bits. */
#include "engine/pictures/resample.h"
#include "engine/base/memory.h"

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
    weights->first = mem_zalloc((size_t)to, sizeof *weights->first);
    weights->taps = mem_zalloc((size_t)to, sizeof *weights->taps);
    size_t cells;
    bool fits = size_multiply((size_t)to, (size_t)weights->room, &cells);
    weights->weight = fits ? mem_zalloc(cells, sizeof *weights->weight) : NULL;
    double *real = mem_zalloc((size_t)weights->room, sizeof *real);
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

/* Computes one row. `channels` is 1, 3 or 4, constant after inlining. */
static inline void resample_row(const unsigned char *row, const struct weights *weights, int channels,
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

static void resample_across(const struct picture *source, const struct weights *weights,
                            struct picture *result)
{
    for (int64_t y = 0; y < source->height; y++) {
        const unsigned char *row = source->pixels + y * source->width * source->channels;
        unsigned char *out = result->pixels + y * result->width * result->channels;
        switch (source->channels) {
        case 1:
            resample_row(row, weights, 1, out);
            break;
        case 3:
            resample_row(row, weights, 3, out);
            break;
        default:
            resample_row(row, weights, 4, out);
        }
    }
}

/* Downwards whole rows are added up, weight by weight, in `sums`. */
static void resample_down(const struct picture *source, const struct weights *weights, int32_t *sums,
                          struct picture *result)
{
    int64_t samples = source->width * source->channels;
    for (int64_t y = 0; y < weights->count; y++) {
        const unsigned char *row = source->pixels + weights->first[y] * samples;
        memset(sums, 0, (size_t)samples * sizeof *sums);
        for (int64_t k = 0; k < weights->taps[y]; k++, row += samples) {
            int32_t weight = weights->weight[y * weights->room + k];
            for (int64_t i = 0; i < samples; i++)
                sums[i] += row[i] * weight;
        }
        for (int64_t i = 0; i < samples; i++)
            result->pixels[y * samples + i] = round_sample(sums[i]);
    }
}

/* One pass: changes the height to `size` if `down`, else the width. */
static limn_status resample_side(const struct picture *source, bool down, int64_t size,
                                 enum resample_filter filter, struct picture *result, limn_error *error)
{
    struct weights weights = {0};
    int32_t *sums = NULL;
    size_t samples = (size_t)(source->width * source->channels);
    limn_status status = weights_create(down ? source->height : source->width, size, filter, &weights, error);
    if (!status && down && !(sums = mem_zalloc(samples, sizeof *sums)))
        status = fail_memory(error, "resizing", samples * sizeof *sums);
    if (!status)
        status = picture_create(down ? source->width : size, down ? size : source->height, source->channels,
                                result, error);
    if (!status && down)
        resample_down(source, &weights, sums, result);
    else if (!status)
        resample_across(source, &weights, result);
    mem_free(sums);
    weights_free(&weights);
    return status;
}

/* The order matters because the first pass rounds to bytes. Pillow resizes the width first; since version 13
 * it resizes the height first if that leaves far fewer rows for the other pass. */
static bool goes_down_first(int64_t rows_less, int64_t columns_less)
{
    return rows_less > 0 && rows_less > 2 * columns_less;
}

/* A side that does not change is not filtered: its weights would be 1 and 0. */
limn_status picture_resample(const struct picture *source, int64_t width, int64_t height,
                             enum resample_filter filter, struct picture *result, limn_error *error)
{
    struct picture between = {0};
    *result = (struct picture){0};
    if (width < 1 || height < 1)
        return fail(error, LIMN_E_USAGE, "a picture cannot be resized to %lld x %lld", (long long)width,
                    (long long)height);
    if (width == source->width && height == source->height) {
        limn_status status = picture_create(width, height, source->channels, result, error);
        if (!status)
            memcpy(result->pixels, source->pixels, (size_t)(width * height * source->channels));
        return status;
    }
    if (width == source->width || height == source->height)
        return resample_side(source, height != source->height, width == source->width ? height : width,
                             filter, result, error);
    bool down_first = goes_down_first(source->height - height, source->width - width);
    limn_status status =
        resample_side(source, down_first, down_first ? height : width, filter, &between, error);
    if (!status)
        status = resample_side(&between, !down_first, down_first ? width : height, filter, result, error);
    picture_free(&between);
    return status;
}

static size_t weights_bytes(int64_t from, int64_t to, enum resample_filter filter)
{
    int64_t room = weights_room(from, to, filter);
    return (size_t)(to * (16 + 4 * room) + 8 * room);
}

size_t picture_resample_bytes(int64_t width, int64_t height, int channels, int64_t to_width,
                              int64_t to_height, enum resample_filter filter)
{
    enum { SMALL = 1024 }; /* block headers */
    bool down_first = goes_down_first(height - to_height, width - to_width);
    bool across = width != to_width, down = height != to_height;
    int64_t between = across && down ? (down_first ? width * to_height : to_width * height) : 0;
    size_t across_bytes = across ? weights_bytes(width, to_width, filter) : 0;
    size_t down_bytes = down ? weights_bytes(height, to_height, filter) : 0;
    down_bytes += down ? (size_t)((down_first ? width : to_width) * channels) * sizeof(int32_t) : 0;
    size_t tables = across_bytes > down_bytes ? across_bytes : down_bytes;
    return (size_t)((to_width * to_height + between) * channels) + tables + SMALL;
}
