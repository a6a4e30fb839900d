/* panels.c - see panels.h. */
#include "panels.h"

const struct native_tile_kernel *panel_tile(int64_t channels)
{
    const struct native_tile_kernel *tile = native()->tiles;
    while (tile[1].columns && channels <= tile[1].columns)
        tile++;
    return tile;
}

int64_t panel_count(int64_t oc)
{
    int64_t count = 0;
    for (int64_t first = 0; first < oc; first += panel_tile(oc - first)->columns)
        count++;
    return count;
}

int64_t panel_channel(int64_t oc, int64_t panel)
{
    int64_t first = 0;
    for (int64_t i = 0; i < panel; i++)
        first += panel_tile(oc - first)->columns;
    return first;
}

void panel_row(const struct layer_weights *w, int64_t ic, int64_t kh, int64_t kw, int64_t oc, int64_t first,
               int64_t columns, float *out)
{
    int64_t channels = columns < oc - first ? columns : oc - first;
    const float *in = w->data + ic * w->stride_i + kh * w->stride_h + kw * w->stride_w;
    for (int64_t c = 0; c < channels; c++)
        out[c] = in[(first + c) * w->stride_o] * (w->scale ? w->scale[first + c] : 1);
    for (int64_t c = channels; c < columns; c++)
        out[c] = 0;
}
