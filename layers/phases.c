/* phases.c - see phases.h. */
#include "layers/phases.h"
#include "layers/sizes.h"

int64_t phase_count(const struct layer_dims *d)
{
    return d->stride_h * d->stride_w;
}

/* One axis of a phase. Its taps are those with the remainder (phase + pad) % stride. */
struct axis {
    int64_t taps, last; /* how many; the last of them, which is used with the first input */
    int64_t outputs, pad;
};

static struct axis axis_of(int64_t phase, int64_t kernel, int64_t stride, int64_t pad, int64_t out)
{
    int64_t remainder = (phase + pad) % stride;
    struct axis axis = {0};
    if (remainder < kernel) {
        axis.taps = divide_up(kernel - remainder, stride);
        axis.last = remainder + (axis.taps - 1) * stride;
    }
    axis.outputs = phase < out ? divide_up(out - phase, stride) : 0;
    axis.pad = (axis.last - phase - pad) / stride; /* exact: both have the same remainder */
    return axis;
}

static struct axis axis_h(const struct layer_dims *d, int64_t phase)
{
    return axis_of(phase / d->stride_w, d->kh, d->stride_h, d->pad_h, d->oh);
}

static struct axis axis_w(const struct layer_dims *d, int64_t phase)
{
    return axis_of(phase % d->stride_w, d->kw, d->stride_w, d->pad_w, d->ow);
}

struct indirect_layer phase_layer(const struct layer_dims *d, int64_t phase)
{
    struct axis h = axis_h(d, phase), w = axis_w(d, phase);
    struct indirect_layer layer = {.dims = *d, .y_h = d->oh, .y_w = d->ow};
    layer.dims.kh = h.taps, layer.dims.kw = w.taps;
    layer.dims.oh = h.outputs, layer.dims.ow = w.outputs;
    layer.dims.pad_h = h.pad, layer.dims.pad_w = w.pad;
    layer.dims.stride_h = layer.dims.stride_w = layer.dims.dilation_h = layer.dims.dilation_w = 1;
    layer.first_h = phase / d->stride_w, layer.first_w = phase % d->stride_w;
    layer.step_h = d->stride_h, layer.step_w = d->stride_w;
    return layer;
}

/* Every tap of an axis belongs to one of its phases. */
int64_t phase_taps_before(const struct layer_dims *d, int64_t phase)
{
    int64_t rows = 0, columns = 0, first = phase - phase % d->stride_w;
    for (int64_t other = 0; other < first; other += d->stride_w)
        rows += axis_h(d, other).taps;
    for (int64_t other = first; other < phase; other++)
        columns += axis_w(d, other).taps;
    return rows * d->kw + axis_h(d, phase).taps * columns;
}

struct layer_weights phase_weights(const struct layer_dims *d, const struct layer_weights *w, int64_t phase)
{
    struct axis h = axis_h(d, phase), v = axis_w(d, phase);
    struct layer_weights weights = *w;
    weights.data += h.last * w->stride_h + v.last * w->stride_w;
    weights.stride_h *= -d->stride_h;
    weights.stride_w *= -d->stride_w;
    return weights;
}
