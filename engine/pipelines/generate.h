/* generate.h - pictures from latent vectors: the pipeline around a generator such as the DCGAN's.
 *
 *     latents (latents.h), N x nz -> network -> N x S x S x C floats -> range -> 8-bit RGB, one by one */
#ifndef LIMN_GENERATE_H
#define LIMN_GENERATE_H

#include "engine/base/watch.h"
#include "engine/pipelines/sink.h"
#include "engine/run/model.h"

/* A generator makes square pictures from latent vectors of `latent` values (nz). */
struct generator {
    int64_t latent, side, channels;
    size_t arena_bytes; /* of activations, for each picture of a batch */
};

/* LIMN_E_USAGE if the model does not make pictures from a vector alone; LIMN_E_WEIGHTS if they are not square
 * or have other than 1 (grey) or 3 channels; LIMN_E_MEMORY. */
limn_status generator_of(const limn_model *model, struct generator *generator, limn_error *error);

/* The most pictures of a request. */
enum { GENERATE_MOST = 1 << 20 };

struct generate {
    const float *latents; /* count x generator.latent; NULL: those of `seed` (latents.h) */
    uint64_t seed;
    int64_t count;       /* 1 .. GENERATE_MOST */
    bool fixed_range;    /* see below */
    struct sink sink;    /* takes the pictures in order: RGB, side x side */
    struct watch *watch; /* NULL: none */
};

/* Makes the pictures. As torchvision's save_image(normalize=True) does it, in float32, a value x becomes
 *
 *     y = (x - low) / max(high - low, 1e-5)       byte = floor(clamp(255 y + 0.5, 0, 255))
 *
 * low and high are the least and the largest value of all the pictures, so a single bright one darkens the
 * others; with fixed_range they are -1 and 1, the ends of tanh, and no picture depends on another.
 * One channel becomes R = G = B.
 *
 * The network runs in batches of at most 16, fewer when their activations would take more than 256 MB. Low
 * and high are known only when all have run: up to 256 MB of results are kept meanwhile (5461 pictures of
 * 64 x 64), beyond that, or where a memory limit has no room, the network runs a second time and makes the
 * same values. The batch does show in their last bits: Winograd's algorithm is chosen by the number of tiles
 * in all of its pictures. So a picture among many equals the one made alone but for rounding, which can move
 * a byte by one level.
 *
 * Errors: LIMN_E_USAGE for a count out of range; those of generator_of; model_check_made's if a value of some
 * picture is not finite; LIMN_E_WEIGHTS, LIMN_E_MEMORY, LIMN_E_CANCELLED, and what the sink returns. */
limn_status generate_pictures(limn_model *model, const struct generate *how, limn_error *error);

#endif
