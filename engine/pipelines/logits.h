/* logits.h - the logits of a segmentation network, some rows at a time.
 *
 * A network that ends with an enlargement (deeplabv3: eightfold) need not make it: the large logits are
 * taken row by row from the small ones, and never exist as a whole.
 *
 *     made, h x w x C  =>  any row of height x width x C */
#ifndef LIMN_LOGITS_H
#define LIMN_LOGITS_H

#include "engine/base/tensor.h"

struct logits {
    const struct tensor *made; /* 1 x h x w x C: what was computed */
    int64_t height, width;     /* what layers/bilinear.c is to enlarge it to; h and w: it is taken as it is */
    bool align_corners;        /* of that enlargement */
};

/* Row `row` of the enlarged logits: width x C floats to `out`, bit for bit those of the enlarged tensor that
 * a session of the whole graph makes. */
void logits_row(const struct logits *logits, int64_t row, float *out);

#endif
