/* classes.h - from the logits of a segmentation network to the class of each pixel of a picture of any size.
 *
 * For a network that ends with an enlargement (deeplabv3: eightfold), the session stops before it, and the
 * large logits are computed row by row from the small ones.
 *
 *     made, h x w x C  =>  any row of height x width x C  =>  classes of any size */
#ifndef LIMN_CLASSES_H
#define LIMN_CLASSES_H

#include "engine/base/tensor.h"
#include "engine/base/watch.h"
#include "engine/pictures/picture.h"

/* A class is a byte. */
enum { CLASSES_MOST = LIMN_CLASSES_MOST };

struct logits {
    const struct tensor *made; /* 1 x h x w x C: the output of the session */
    int64_t height, width;     /* the size that layers/bilinear.c enlarges to; h and w: not enlarged */
    bool align_corners;        /* of that enlargement */
};

/* Row `row` of the enlarged logits: width x C floats to `out`, bit for bit those that a session of the
 * whole graph computes. */
void logits_row(const struct logits *logits, int64_t row, float *out);

/* Writes the class of every pixel into `classes`, a plane (one channel) of the wanted size.
 *
 * logits: height x width x C, C from 1 to CLASSES_MOST, all of them finite. They are enlarged or shrunk to
 * the size of `classes` as torch.nn.functional.interpolate(mode="bilinear", align_corners=False) does, and
 * the class is the channel with the largest, the first of equals. With a single channel, class 1 is where
 * sigmoid(logit) > threshold, class 0 elsewhere; 0 < `threshold` < 1.
 *
 * The logits are never stored at the picture's size, nor all of them at height x width if they are enlarged
 * to that: each thread holds three rows of width x C floats at a time. `watch` may be NULL. Errors:
 * LIMN_E_MEMORY, LIMN_E_CANCELLED. */
limn_status classes_from_logits(struct pool *pool, const struct logits *logits, double threshold,
                                const struct watch *watch, struct picture *classes, limn_error *error);

/* The most memory that classes_from_logits allocates, for logits of this width and these channels. */
size_t classes_bytes(const struct pool *pool, int64_t width, int64_t channels, int64_t classes_width);

#endif
