/* band_dims.c - see band_dims.h. */
#include "engine/run/band_dims.h"
#include "engine/graph/reads.h"

static int64_t clamp(int64_t at, int64_t least, int64_t most)
{
    return at < least ? least : at > most ? most : at;
}

bool band_possible(enum layer_kind kind)
{
    return kind == LAYER_CONV2D || kind == LAYER_CONV2D_TRANSPOSE || kind == LAYER_POINTWISE ||
           kind == LAYER_UPSAMPLE || kind == LAYER_BICUBIC;
}

struct layer_dims band_dims(const struct step *step, int64_t from, int64_t to, int64_t *first)
{
    enum layer_kind kind = step_kind(step);
    struct layer_dims d = step->args.d;
    int64_t aligned = kind == LAYER_CONV2D_TRANSPOSE ? layer_band_rows(step->variant) : 1;
    const struct side rows = side_of_rows(&d);
    struct side_span read = side_reads(kind, &rows, from, to);
    *first = clamp(read.begin, 0, d.ih - 1) / aligned * aligned;
    if (kind == LAYER_CONV2D)
        d.pad_h = *first - read.begin;
    else if (kind == LAYER_CONV2D_TRANSPOSE)
        d.pad_h += from - *first * d.stride_h;
    else if (kind == LAYER_BICUBIC)
        d.pad_h = *first - (read.begin + 1);
    d.ih = clamp(read.end, *first + 1, d.ih) - *first;
    d.oh = to - from;
    return d;
}
