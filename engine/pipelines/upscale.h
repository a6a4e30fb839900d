/* upscale.h - the super-resolution pipeline: from a picture to an enlarged one, row by row. */
#ifndef LIMN_UPSCALE_H
#define LIMN_UPSCALE_H

#include "engine/base/watch.h"
#include "engine/pipelines/sink.h"
#include "engine/run/model.h"

enum { TILE_AUTO = -1, TILE_WHOLE = 0 };

struct upscale {
    const struct picture *source;
    int64_t scale;    /* how many times larger the result is per side, from upscale_scale; 0: the factor */
    struct sink sink; /* takes the enlarged picture row by row, while the network runs */
    /* Input rows that go through the network at a time (see bands.h), rounded up to a multiple of
     * LAYER_TILE_PERIOD; or one of the above. */
    int64_t tile;
    struct watch *watch; /* NULL: none */
};

/* Sets *factor to how many times larger the model makes a picture. LIMN_E_USAGE for a model that is not of
 * super-resolution. */
limn_status upscale_factor(const limn_model *model, int64_t *factor, limn_error *error);

/* Sets *scale to `wanted`, or to the factor if that is 0. LIMN_E_USAGE for a model that is not of
 * super-resolution, or unless 2 <= wanted <= factor. */
limn_status upscale_scale(const limn_model *model, int64_t wanted, int64_t *scale, limn_error *error);

/* 8-bit RGB => the network's input, 0..1: as many rows as `x` has, from row `first` on. */
void upscale_fill(const struct picture *source, int64_t first, const struct tensor *x);

/* Enlarges a picture by the network's factor. If the scale is smaller, the rows then go through Pillow's
 * antialiased bicubic resize (see resample.h).
 *
 * The result does not depend on `tile`, to the last bit. Alpha is enlarged bicubically;
 * the network gets colours of visible pixels in place of hidden ones (see alpha_fill).
 * Errors: those of upscale_scale; LIMN_E_INPUT, LIMN_E_WEIGHTS, LIMN_E_MEMORY, LIMN_E_CANCELLED, what the
 * sink returns, and model_check_made's if values of some rows are not finite, after the rows above them have
 * been handed over. If memory does not suffice, no weight has been packed yet, and the message has the number
 * and what needs less. */
limn_status upscale_picture(limn_model *model, const struct upscale *how, limn_error *error);

#endif
