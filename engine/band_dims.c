/* band_dims.c - see band_dims.h. */
#include "band_dims.h"

static int64_t clamp(int64_t at, int64_t least, int64_t most)
{
    return at < least ? least : at > most ? most : at;
}

bool band_possible(enum layer_kind kind)
{
    return kind == LAYER_CONV2D || kind == LAYER_CONV2D_TRANSPOSE || kind == LAYER_POINTWISE ||
           kind == LAYER_UPSAMPLE || kind == LAYER_BICUBIC;
}

/* Rows begin .. end-1 of x are read, those outside the picture included; each equation is its kernel's,
 * solved for the input row. */
static void rows_read(const struct layer_dims *d, enum layer_kind kind, int64_t from, int64_t to,
                      int64_t *begin, int64_t *end)
{
    int64_t last = to - 1, factor = d->oh / d->ih;
    switch (kind) {
    case LAYER_CONV2D:
        *begin = from * d->stride_h - d->pad_h;
        *end = last * d->stride_h - d->pad_h + (d->kh - 1) * d->dilation_h + 1;
        break;
    case LAYER_CONV2D_TRANSPOSE:
        *begin = (clamp(from + d->pad_h - d->kh + 1, 0, INT64_MAX) + d->stride_h - 1) / d->stride_h;
        *end = (last + d->pad_h) / d->stride_h + 1;
        break;
    case LAYER_UPSAMPLE:
        *begin = from / factor;
        *end = last / factor + 1;
        break;
    case LAYER_BICUBIC:
        *begin = from / factor - 1;
        *end = last / factor + 3;
        break;
    default: /* pointwise: row by row */
        *begin = from;
        *end = to;
        break;
    }
}

struct layer_dims band_dims(const struct step *step, enum layer_kind kind, int64_t from, int64_t to,
                            int64_t *first)
{
    struct layer_dims d = step->args.d;
    int64_t begin, end, aligned = kind == LAYER_CONV2D_TRANSPOSE ? layer_band_rows(step->variant) : 1;
    rows_read(&d, kind, from, to, &begin, &end);
    *first = clamp(begin, 0, d.ih - 1) / aligned * aligned;
    if (kind == LAYER_CONV2D)
        d.pad_h = *first - begin;
    else if (kind == LAYER_CONV2D_TRANSPOSE)
        d.pad_h += from - *first * d.stride_h;
    else if (kind == LAYER_BICUBIC)
        d.pad_h = *first - (begin + 1);
    d.ih = clamp(end, *first + 1, d.ih) - *first;
    d.oh = to - from;
    return d;
}
