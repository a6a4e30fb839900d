/* panels.h - how the output channels of a matrix product are divided into panels.
 *
 * A panel has as many channels as a tile of simd_gemm.c has columns. The last panels use narrower tiles where
 * that wastes less, and are filled up with zeros. Packed weights are stored panel after panel, so a panel
 * begins panel_channel(oc, panel) columns into them. */
#ifndef LAYERS_PANELS_H
#define LAYERS_PANELS_H

#include "layers/simd.h"

/* The tile for a panel when `channels` channels remain: the widest that would not leave as many columns empty
 * as the narrowest tile has. */
const struct simd_tile_kernel *panel_tile(int64_t channels);

/* The number of panels of `oc` output channels. */
int64_t panel_count(int64_t oc);

/* The first channel of a panel. For panel panel_count(oc): the columns of all panels. */
int64_t panel_channel(int64_t oc, int64_t panel);

/* The channels of a panel. */
struct layer_span panel_span(int64_t oc, int64_t panel);

/* Packs tap (kh, kw) of `inputs` input channels from ic on, for the panel of `span`. w->data points to the
 * span's first channel. Each input channel gives `columns` floats, zeros after the last channel of the span,
 * at out, out + step, ... */
void panel_taps(const struct layer_weights *w, struct layer_span span, int64_t ic, int64_t inputs, int64_t kh,
                int64_t kw, int64_t columns, float *out, int64_t step);

#endif
