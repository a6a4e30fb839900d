/* panels.c - see panels.h. */
#include "layers/panels.h"
#include "layers/sizes.h"

static const struct simd_tile_kernel *narrowest_tile(void)
{
    const struct simd_tile_kernel *tile = simd()->tiles;
    while (tile[1].columns)
        tile++;
    return tile;
}

const struct simd_tile_kernel *panel_tile(int64_t channels)
{
    const struct simd_tile_kernel *tile = simd()->tiles, *narrowest = narrowest_tile();
    while (tile < narrowest && channels <= tile->columns - narrowest->columns)
        tile++;
    return tile;
}

/* How many panels, from the first on, use the widest tile. */
static int64_t widest_panels(int64_t oc)
{
    int64_t columns = simd()->tiles->columns, least = columns - narrowest_tile()->columns + 1;
    return oc < least ? 0 : (oc - least) / columns + 1;
}

int64_t panel_count(int64_t oc)
{
    int64_t count = widest_panels(oc);
    for (int64_t first = count * simd()->tiles->columns; first < oc; first += panel_tile(oc - first)->columns)
        count++;
    return count;
}

int64_t panel_channel(int64_t oc, int64_t panel)
{
    int64_t widest = smaller(panel, widest_panels(oc)), first = widest * simd()->tiles->columns;
    for (int64_t i = widest; i < panel; i++)
        first += panel_tile(oc - first)->columns;
    return first;
}

struct layer_span panel_span(int64_t oc, int64_t panel)
{
    int64_t first = panel_channel(oc, panel), columns = panel_tile(oc - first)->columns;
    return (struct layer_span){AXIS_OUTPUT, first, smaller(columns, oc - first)};
}

enum { TOGETHER = 16 }; /* channels transposed at a time: source and destination fit in L1 */

/* [outputs][inputs] => [inputs][outputs], step apart */
static inline void transpose(const float *restrict in, int64_t stride_o, int64_t stride_i,
                             const float *restrict scale, int64_t outputs, int64_t inputs,
                             float *restrict out, int64_t step)
{
    for (int64_t i = 0; i < inputs; i++)
        for (int64_t c = 0; c < outputs; c++)
            out[i * step + c] = in[c * stride_o + i * stride_i] * scale[c];
}

void panel_taps(const struct layer_weights *w, struct layer_span span, int64_t ic, int64_t inputs, int64_t kh,
                int64_t kw, int64_t columns, float *out, int64_t step)
{
    float scale[TOGETHER];
    const float *in = w->data + ic * w->stride_i + kh * w->stride_h + kw * w->stride_w;
    for (int64_t c = 0; c < span.count; c += TOGETHER) {
        int64_t outputs = smaller(TOGETHER, span.count - c);
        for (int64_t i = 0; i < outputs; i++)
            scale[i] = w->scale ? w->scale[span.first + c + i] : 1;
        const float *from = in + c * w->stride_o;
        if (outputs == TOGETHER) /* a length that the compiler knows: twice as fast */
            transpose(from, w->stride_o, w->stride_i, scale, TOGETHER, inputs, out + c, step);
        else
            transpose(from, w->stride_o, w->stride_i, scale, outputs, inputs, out + c, step);
    }
    for (int64_t i = 0; i < inputs; i++)
        for (int64_t c = span.count; c < columns; c++)
            out[i * step + c] = 0;
}
