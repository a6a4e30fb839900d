/* reads.h - which pixels of its input an operator reads, along one side of the picture. */
#ifndef LIMN_READS_H
#define LIMN_READS_H

#include "layers/operators.h"

/* An operator's dimensions along one side: from top to bottom, or from left to right. */
struct side {
    int64_t in, out, kernel, stride, pad, dilation;
    bool align_corners;
};

struct side side_of_rows(const struct layer_dims *d);
struct side side_of_columns(const struct layer_dims *d);

/* Pixels begin .. end-1 of a side; none if end <= begin. */
struct side_span {
    int64_t begin, end;
};

/* The pixels of the input that outputs from .. to-1 read, and those between the first and the last of them.
 * The span is not clipped: both ends may be outside the picture. */
struct side_span side_reads(enum layer_kind kind, const struct side *side, int64_t from, int64_t to);

#endif
