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

struct layer_needs phase_needs(const struct phase_method *method, const struct layer_dims *d)
{
    struct layer_needs all = {0};
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct indirect_layer layer = phase_layer(d, phase);
        struct layer_needs one = method->needs(&layer.dims);
        all.pack_tasks = one.pack_tasks;
        all.packed_bytes = size_sum(all.packed_bytes, one.packed_bytes);
        all.run_tasks = larger(all.run_tasks, one.run_tasks * phase_count(d));
        if (one.workspace_bytes > all.workspace_bytes)
            all.workspace_bytes = one.workspace_bytes;
    }
    return all;
}

struct layer_span phase_pack_span(const struct phase_method *method, const struct layer_dims *d, int64_t task)
{
    return method->pack_span(d, task); /* depends on the output channels only */
}

void phase_pack_task(const struct phase_method *method, const struct layer_dims *d,
                     const struct layer_weights *w, void *packed, int64_t task)
{
    unsigned char *out = packed;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct indirect_layer layer = phase_layer(d, phase);
        struct layer_weights weights = phase_weights(d, w, phase);
        method->pack_task(&layer.dims, &weights, out, task);
        out += method->needs(&layer.dims).packed_bytes;
    }
}

void phase_run_task(const struct phase_method *method, const struct layer_args *a, int64_t task,
                    void *workspace)
{
    int64_t phase = task % phase_count(&a->d), index = task / phase_count(&a->d);
    struct indirect_layer layer = phase_layer(&a->d, phase);
    struct layer_needs needs = method->needs(&layer.dims);
    int64_t taps = layer.dims.kh * layer.dims.kw; /* each of them has as many packed bytes, in every phase */
    const unsigned char *packed = a->packed;
    if (taps > 0)
        packed += phase_taps_before(&a->d, phase) * (int64_t)(needs.packed_bytes / (size_t)taps);
    if (index < needs.run_tasks)
        method->run_task(&layer, a, packed, index, workspace);
}
