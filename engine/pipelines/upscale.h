/* upscale.h - the super-resolution pipeline: a picture in, an enlarged one out, row by row. */
#ifndef LIMN_UPSCALE_H
#define LIMN_UPSCALE_H

#include "engine/base/watch.h"
#include "engine/pictures/picture.h"
#include "engine/run/model.h"

enum { TILE_AUTO = -1, TILE_WHOLE = 0 };

struct upscale {
    /* Input rows that go through the network at a time (see bands.h), rounded up to a multiple of
     * LAYER_TILE_PERIOD; or one of the above. */
    int64_t tile;
    /* Called once it is known that everything fits the memory there is, before anything is computed; may be
     * NULL. `beside`: bytes that the caller holds from then on, for what it does with the rows. */
    limn_status (*begin)(void *context, limn_error *error);
    size_t beside;
    /* Takes `count` rows of the enlarged picture, from the top down. */
    limn_status (*rows)(void *context, const unsigned char *rows, int64_t count, limn_error *error);
    void *context;
    struct watch *watch; /* NULL: nobody */
};

/* How many times larger the model makes a picture; LIMN_E_USAGE when it is no super-resolution model. */
limn_status upscale_factor(const limn_model *model, int64_t *factor, limn_error *error);

/* Enlarges `source`. The result does not depend on `tile`, to the last bit. Alpha is enlarged bicubically.
 * Errors: LIMN_E_INPUT, LIMN_E_WEIGHTS, LIMN_E_MEMORY, LIMN_E_CANCELLED, what `rows` returns, and
 * model_check_made's when values of some rows are not finite; the rows before were handed over then. Where it
 * is memory that does not suffice, no weight is packed yet, and the message has the number and what needs
 * less. */
limn_status upscale_picture(limn_model *model, const struct picture *source, const struct upscale *how,
                            limn_error *error);

#endif
