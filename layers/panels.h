/* panels.h - how the output channels of a matrix product are cut into panels.
 *
 * A panel is as many channels as a tile of simd_gemm.c has columns. The last panels are narrower tiles
 * where that wastes less, and filled up with zeros. Packed weights lie panel after panel, so a panel begins
 * panel_channel(oc, panel) columns into them. */
#ifndef LAYERS_PANELS_H
#define LAYERS_PANELS_H

#include "layers/simd.h"

/* The tile for the channels that are left: the widest that has no room for a narrowest one beside them. */
const struct simd_tile_kernel *panel_tile(int64_t channels);

int64_t panel_count(int64_t oc);

/* The first channel of a panel; of panel_count(oc), the columns of all. */
int64_t panel_channel(int64_t oc, int64_t panel);

/* The channels of a panel. */
struct layer_span panel_span(int64_t oc, int64_t panel);

/* Tap (kh, kw) of `inputs` input channels from ic on, for the panel of `span`, whose first channel is where
 * w->data points: `columns` floats an input channel, zeros behind the last, to out, out + step, ... */
void panel_taps(const struct layer_weights *w, struct layer_span span, int64_t ic, int64_t inputs, int64_t kh,
                int64_t kw, int64_t columns, float *out, int64_t step);

#endif
