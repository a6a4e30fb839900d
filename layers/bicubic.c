/* bicubic.c - TensorFlow 1's bicubic enlargement by an integer factor.
 *
 * TensorFlow: tf.compat.v1.image.resize_bicubic(x, size, align_corners=False, half_pixel_centers=False),
 * source tensorflow/core/kernels/image/resize_bicubic_op.cc. It differs from PyTorch's and Pillow's bicubic
 * in its coordinates: output o is at input o / S exactly, so output 0 coincides with input 0. The others use
 * half-pixel centres, (o + 0.5) / S - 0.5. Networks trained with the former need it.
 *
 *     y[oh,ow] = sum over i, j = -1..2 of  k(i, oh) * k(j, ow) * x[clamp(oh / S + i), clamp(ow / S + j)]
 *
 * k is Keys' cubic convolution kernel (Keys 1981) with A = -0.75, at distance t from the sample:
 *
 *     (A + 2) t^3 - (A + 3) t^2 + 1              0 <= t <= 1
 *     A t^3 - 5 A t^2 + 8 A t - 4 A              1 <= t <= 2
 *
 * TensorFlow reads k from a table of 1024 steps a pixel, indexed by the rounded fraction. For S = 2 and 4 the
 * fractions are multiples of 256/1024, so the formula at the rounded fraction is the same number.
 *
 * Rows first, then columns: 4 + 4 / S products an output instead of 16.
 *
 * In a band of a picture (layer.h) the first -pad_h rows of x are above the band's own: they are read instead
 * of repeating the band's first row. */
#include "layers/layer.h"
#include "layers/sizes.h"

#include <math.h>

enum { TABLE_STEPS = 1024, SUPPORT = 4 };

static const double A = -0.75;

static double kernel(double t)
{
    return t <= 1 ? ((A + 2) * t - (A + 3)) * t * t + 1 : ((A * t - 5 * A) * t + 8 * A) * t - 4 * A;
}

/* The four weights for an output that is phase / factor after a sample. */
static void phase_weights(int64_t phase, int64_t factor, float weight[SUPPORT])
{
    double fraction = rint((double)phase / (double)factor * TABLE_STEPS) / TABLE_STEPS;
    for (int i = 0; i < SUPPORT; i++)
        weight[i] = (float)kernel(fabs((double)(i - 1) - fraction));
}

static int64_t clamp(int64_t at, int64_t size)
{
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

static struct layer_needs needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = d->n * d->oh, .workspace_bytes = float_bytes(d->iw * d->ic)};
}

/* [4 rows of x] => [IW C]: the column sums at the height of output row `task`. */
static void interpolate_rows(const struct layer_args *a, int64_t task, float *columns)
{
    const struct layer_dims *d = &a->d;
    int64_t factor = d->ow / d->iw, n = task / d->oh, oh = task % d->oh;
    const float *rows[SUPPORT];
    float weight[SUPPORT];
    phase_weights(oh % factor, factor, weight);
    for (int i = 0; i < SUPPORT; i++)
        rows[i] = a->x + (n * d->ih + clamp(oh / factor - d->pad_h + i - 1, d->ih)) * d->iw * a->x_stride;
    for (int64_t iw = 0; iw < d->iw; iw++)
        for (int64_t c = 0; c < d->ic; c++) {
            int64_t at = iw * a->x_stride + c;
            columns[iw * d->ic + c] = weight[0] * rows[0][at] + weight[1] * rows[1][at] +
                                      weight[2] * rows[2][at] + weight[3] * rows[3][at];
        }
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const struct layer_dims *d = &a->d;
    int64_t factor = d->ow / d->iw;
    float *columns = workspace;
    interpolate_rows(a, task, columns);
    for (int64_t phase = 0; phase < factor; phase++) {
        float weight[SUPPORT];
        phase_weights(phase, factor, weight);
        for (int64_t iw = 0; iw < d->iw; iw++) {
            float *y = a->y + (task * d->ow + iw * factor + phase) * a->y_stride;
            const float *x[SUPPORT];
            for (int j = 0; j < SUPPORT; j++)
                x[j] = columns + clamp(iw + j - 1, d->iw) * d->ic;
            for (int64_t c = 0; c < d->oc; c++)
                y[c] = weight[0] * x[0][c] + weight[1] * x[1][c] + weight[2] * x[2][c] + weight[3] * x[3][c];
        }
    }
}

const struct layer_variant bicubic_tf1 = {
    .name = "bicubic_tf1",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = needs,
    .run_task = run_task,
};
