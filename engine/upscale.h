/* upscale.h - the super-resolution pipeline: a picture in, an enlarged one out in bands, by tiles if wanted.
 */
#ifndef LIMN_UPSCALE_H
#define LIMN_UPSCALE_H

#include "model.h"
#include "pictures/picture.h"

enum { TILE_AUTO = -1, TILE_WHOLE = 0 };

struct upscale {
    int64_t
        tile; /* side in input pixels, rounded up to a multiple of LAYER_TILE_PERIOD; or one of the above */
    /* Takes `count` rows of the enlarged picture, from the top down. */
    limn_status (*rows)(void *context, const unsigned char *rows, int64_t count, limn_error *error);
    /* Called after each tile; may be NULL. */
    void (*progress)(void *context, int64_t done, int64_t all);
    void *context;
};

/* How many times larger the model makes a picture; LIMN_E_USAGE when it is no super-resolution model. */
limn_status upscale_factor(const limn_model *model, int64_t *factor, limn_error *error);

/* Enlarges `source`. The result does not depend on the tile size, to the last bit: each tile is computed with
 * as much of the picture around it as can reach its pixels. Alpha is enlarged bicubically. */
limn_status upscale_picture(limn_model *model, const struct picture *source, const struct upscale *how,
                            limn_error *error);

/* How far, in input pixels, an output pixel of the graph looks to each side. */
int64_t graph_reach(const struct graph *graph);

#endif
