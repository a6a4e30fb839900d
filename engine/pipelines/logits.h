/* logits.h - the logits of a segmentation network, row by row.
 *
 * For a network that ends with an enlargement (deeplabv3: eightfold), the session stops before it, and the
 * large logits are computed row by row from the small ones.
 *
 *     made, h x w x C  =>  any row of height x width x C */
#ifndef LIMN_LOGITS_H
#define LIMN_LOGITS_H

#include "engine/base/tensor.h"

struct logits {
    const struct tensor *made; /* 1 x h x w x C: the output of the session */
    int64_t height, width;     /* the size that layers/bilinear.c enlarges to; h and w: not enlarged */
    bool align_corners;        /* of that enlargement */
};

/* Row `row` of the enlarged logits: width x C floats to `out`, bit for bit those that a session of the
 * whole graph computes. */
void logits_row(const struct logits *logits, int64_t row, float *out);

#endif
