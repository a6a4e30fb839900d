/* metrics.c - see metrics.h. */
#include "engine/pixels/metrics.h"
#include "engine/base/maths.h"
#include "engine/base/memory.h"
#include "engine/pictures/colour.h"
#include "engine/pictures/mask.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static limn_status check_sizes(const struct picture pictures[2], const char *const names[2],
                               limn_error *error)
{
    const struct picture *a = &pictures[0], *b = &pictures[1];
    if (a->width == b->width && a->height == b->height)
        return LIMN_OK;
    return fail(error, LIMN_E_INPUT,
                "%s has %" PRId64 " x %" PRId64 " pixels, %s %" PRId64 " x %" PRId64
                "; pictures to compare must have the same size",
                names[0], a->width, a->height, names[1], b->width, b->height);
}

static const unsigned char *row_of(const struct picture *picture, int64_t y)
{
    return picture->pixels + y * picture->width * picture->channels;
}

/* ---- mean squared error, Delta-E --------------------------------------------------------- */

static double mean_squared_error(const struct picture *a, const struct picture *b)
{
    int64_t pixels = a->width * a->height, sum = 0; /* at most 3 x 2^27 x 255^2 */
    const unsigned char *p = a->pixels, *q = b->pixels;
    for (int64_t i = 0; i < pixels; i++, p += a->channels, q += b->channels)
        for (int c = 0; c < 3; c++)
            sum += (p[c] - q[c]) * (p[c] - q[c]);
    return (double)sum / (3 * (double)pixels);
}

static limn_status mean_delta_e(const struct picture *a, const struct picture *b, double *mean,
                                limn_error *error)
{
    int64_t width = a->width;
    size_t bytes = (size_t)width * 3 * 2 * sizeof(float);
    float *lab_a = mem_alloc(bytes);
    if (!lab_a)
        return fail_memory(error, "two rows of Lab", bytes);
    float *lab_b = lab_a + width * 3;
    double sum = 0;
    for (int64_t y = 0; y < a->height; y++) {
        double row = 0; /* summed by rows, so that a small term meets a small sum */
        lab_from_rgb(row_of(a, y), a->channels, width, lab_a);
        lab_from_rgb(row_of(b, y), b->channels, width, lab_b);
        for (int64_t x = 0; x < width; x++)
            row += delta_e_2000(lab_a + 3 * x, lab_b + 3 * x);
        sum += row;
    }
    mem_free(lab_a);
    *mean = sum / (double)(width * a->height);
    return LIMN_OK;
}

/* ---- structural similarity --------------------------------------------------------------- */

/* Sums over part of a window, of one channel of pictures x and y. Integers, so that subtraction is exact. */
struct sums {
    int32_t x, y, xx, yy, xy;
};

static void sums_add(struct sums *sums, const struct sums *more, int sign)
{
    sums->x += sign * more->x;
    sums->y += sign * more->y;
    sums->xx += sign * more->xx;
    sums->yy += sign * more->yy;
    sums->xy += sign * more->xy;
}

/* With means m and sample (co)variances v of the n = 49 pairs of a window, C1 = (0.01 x 255)^2,
 * C2 = (0.03 x 255)^2:
 *
 *     (2 mx my + C1) (2 vxy + C2) / ((mx^2 + my^2 + C1) (vx + vy + C2))
 *     vx = (n sum xx - (sum x)^2) / (n (n - 1)) */
static double window_similarity(const struct sums *s)
{
    enum { N = SSIM_SIDE * SSIM_SIDE };
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double mx = (double)s->x / N, my = (double)s->y / N;
    double vx = (double)(N * s->xx - s->x * s->x) / (N * (N - 1));
    double vy = (double)(N * s->yy - s->y * s->y) / (N * (N - 1));
    double vxy = (double)(N * s->xy - s->x * s->y) / (N * (N - 1));
    return (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
}

/* Adds a row of both pictures to the column sums (sign 1), or subtracts it (sign -1). columns: width x 3 */
static void add_row(struct sums *columns, const struct picture pictures[2], int64_t row, int sign)
{
    const unsigned char *p = row_of(&pictures[0], row), *q = row_of(&pictures[1], row);
    for (int64_t i = 0; i < pictures[0].width; i++, p += pictures[0].channels, q += pictures[1].channels)
        for (int c = 0; c < 3; c++) {
            int32_t x = p[c], y = q[c];
            sums_add(columns++, &(struct sums){x, y, x * x, y * y, x * y}, sign);
        }
}

/* The sum over all windows of one row, from the sums of its columns (width x 3). */
static double row_similarity(const struct sums *columns, int64_t width)
{
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        struct sums window = {0};
        for (int64_t x = 0; x < width; x++) {
            sums_add(&window, &columns[3 * x + c], 1);
            if (x < SSIM_SIDE - 1)
                continue;
            sum += window_similarity(&window);
            sums_add(&window, &columns[3 * (x - SSIM_SIDE + 1) + c], -1);
        }
    }
    return sum;
}

/* Each column holds the sums of the last seven rows, and a window slides along the columns: ten additions per
 * sample and row, whatever the size of the window. */
static limn_status structural_similarity(const struct picture pictures[2], double *ssim, limn_error *error)
{
    int64_t width = pictures[0].width, height = pictures[0].height;
    *ssim = NAN;
    if (width < SSIM_SIDE || height < SSIM_SIDE)
        return LIMN_OK;
    struct sums *columns = mem_zalloc((size_t)width * 3, sizeof *columns);
    if (!columns)
        return fail_memory(error, "structural similarity", (size_t)width * 3 * sizeof *columns);
    double sum = 0;
    for (int64_t y = 0; y < height; y++) {
        add_row(columns, pictures, y, 1);
        if (y < SSIM_SIDE - 1)
            continue;
        sum += row_similarity(columns, width);
        add_row(columns, pictures, y - SSIM_SIDE + 1, -1);
    }
    mem_free(columns);
    *ssim = sum / (3 * (double)(width - SSIM_SIDE + 1) * (double)(height - SSIM_SIDE + 1));
    return LIMN_OK;
}

/* ---- colourfulness ----------------------------------------------------------------------- */

/* yb is summed doubled, to stay an integer. */
static double colourfulness(const struct picture *picture)
{
    int64_t count = picture->width * picture->height, rg_sum = 0, rg_squares = 0, yb_sum = 0, yb_squares = 0;
    const unsigned char *p = picture->pixels;
    for (int64_t i = 0; i < count; i++, p += picture->channels) {
        int rg = p[0] - p[1], yb = p[0] + p[1] - 2 * p[2];
        rg_sum += rg;
        rg_squares += rg * rg;
        yb_sum += yb;
        yb_squares += yb * yb;
    }
    double n = (double)count, rg = (double)rg_sum / n, yb = (double)yb_sum / n / 2;
    double variance = (double)rg_squares / n - rg * rg + (double)yb_squares / n / 4 - yb * yb;
    return sqrt(fmax(variance, 0)) + 0.3 * sqrt(rg * rg + yb * yb);
}

limn_status picture_compare(const struct picture pictures[2], const char *const names[2],
                            struct picture_figures *figures, limn_error *error)
{
    *figures = (struct picture_figures){0};
    limn_status status = check_sizes(pictures, names, error);
    if (status == LIMN_OK)
        status = structural_similarity(pictures, &figures->ssim, error);
    if (status == LIMN_OK)
        status = mean_delta_e(&pictures[0], &pictures[1], &figures->delta_e, error);
    if (status != LIMN_OK)
        return status;
    figures->mse = mean_squared_error(&pictures[0], &pictures[1]);
    const double decibels = 10 / 2.302585092994046; /* of ln: 10 log10 x = 10 / ln 10 * ln x */
    figures->psnr = figures->mse > 0 ? decibels * maths_log(255.0 * 255 / figures->mse) : INFINITY;
    for (int i = 0; i < 2; i++)
        figures->colourfulness[i] = colourfulness(&pictures[i]);
    return LIMN_OK;
}

/* ---- masks ------------------------------------------------------------------------------- */

limn_status mask_compare(const struct picture masks[2], const char *const names[2],
                         struct mask_counts *counts, limn_error *error)
{
    limn_status status = check_sizes(masks, names, error);
    if (status != LIMN_OK)
        return status;
    const unsigned char *predicted = masks[0].pixels, *truth = masks[1].pixels;
    for (int64_t i = 0; i < masks[0].width * masks[0].height; i++) {
        if (truth[i] == MASK_IGNORED)
            continue;
        counts->predicted[predicted[i]]++;
        counts->truth[truth[i]]++;
        counts->agreed[truth[i]] += predicted[i] == truth[i];
    }
    return LIMN_OK;
}

void mask_counts_add(struct mask_counts *sum, const struct mask_counts *more)
{
    for (int label = 0; label < MASK_CLASSES; label++) {
        sum->predicted[label] += more->predicted[label];
        sum->truth[label] += more->truth[label];
        sum->agreed[label] += more->agreed[label];
    }
}

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

double mask_iou(const struct mask_counts *counts, int label)
{
    int64_t agreed = counts->agreed[label];
    return ratio(agreed, counts->predicted[label] + counts->truth[label] - agreed);
}

double mask_dice(const struct mask_counts *counts, int label)
{
    return ratio(2 * counts->agreed[label], counts->predicted[label] + counts->truth[label]);
}

struct mask_figures mask_figures(const struct mask_counts *counts)
{
    double iou = 0, dice = 0;
    int64_t classes = 0, agreed = 0, pixels = 0;
    for (int label = 0; label < MASK_CLASSES; label++) {
        agreed += counts->agreed[label];
        pixels += counts->truth[label];
        if (!counts->predicted[label] && !counts->truth[label])
            continue;
        iou += mask_iou(counts, label);
        dice += mask_dice(counts, label);
        classes++;
    }
    if (!classes)
        return (struct mask_figures){NAN, NAN, NAN};
    return (struct mask_figures){iou / (double)classes, dice / (double)classes, ratio(agreed, pixels)};
}
