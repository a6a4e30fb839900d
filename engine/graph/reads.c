/* reads.c - see reads.h. Each equation is that of the kernel, solved for the pixel of the input. */
#include "engine/graph/reads.h"
#include "layers/sizes.h"

struct side side_of_rows(const struct layer_dims *d)
{
    return (struct side){d->ih, d->oh, d->kh, d->stride_h, d->pad_h, d->dilation_h, d->align_corners};
}

struct side side_of_columns(const struct layer_dims *d)
{
    return (struct side){d->iw, d->ow, d->kw, d->stride_w, d->pad_w, d->dilation_w, d->align_corners};
}

/* Output o reads the input at coordinate a(o) / b: the two pixels around it, or the one it falls on. */
static struct side_span bilinear_reads(const struct side *side, int64_t from, int64_t last)
{
    int64_t in = side->in, out = side->out;
    if (in == 1 || (side->align_corners && out == 1))
        return (struct side_span){0, 1};
    if (side->align_corners)
        return (struct side_span){divide_down(from * (in - 1), out - 1),
                                  divide_up(last * (in - 1), out - 1) + 1};
    return (struct side_span){divide_down((2 * from + 1) * in - out, 2 * out),
                              divide_up((2 * last + 1) * in - out, 2 * out) + 1};
}

struct side_span side_reads(enum layer_kind kind, const struct side *side, int64_t from, int64_t to)
{
    int64_t last = to - 1, factor = side->out / side->in;
    switch (kind) {
    case LAYER_CONV2D:
    case LAYER_MAX_POOL:
        return (struct side_span){from * side->stride - side->pad,
                                  last * side->stride - side->pad + (side->kernel - 1) * side->dilation + 1};
    case LAYER_CONV2D_TRANSPOSE:
        return (struct side_span){divide_up(from + side->pad - side->kernel + 1, side->stride),
                                  divide_down(last + side->pad, side->stride) + 1};
    case LAYER_AVERAGE_POOL:
        return (struct side_span){0, side->in};
    case LAYER_PAD:
        return (struct side_span){from - side->pad, to - side->pad};
    case LAYER_UPSAMPLE:
        return (struct side_span){divide_down(from, factor), divide_down(last, factor) + 1};
    case LAYER_BILINEAR:
        return bilinear_reads(side, from, last);
    case LAYER_BICUBIC:
        return (struct side_span){divide_down(from, factor) - 1, divide_down(last, factor) + 3};
    case LAYER_POINTWISE:
    case LAYER_SOFTMAX:
    case LAYER_COUNT:
        break;
    }
    return (struct side_span){from, to};
}
