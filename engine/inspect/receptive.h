/* receptive.h - the receptive field of each value of a graph.
 *
 * The receptive field of a value is the rectangle of input pixels that one of its pixels can depend on: the
 * largest over all its pixels, over all paths from the input, and including operations fused into the node.
 * Pixels between the taps of a dilated kernel belong to it. It is not clipped at the picture's edges, so it
 * may be larger than the picture. Until something is enlarged, fields grow like this:
 *
 *     conv2d, max_pool   kernel k, dilation d, stride j so far:  field + (k - 1) d j
 *     a stride of s      the stride becomes j s; j / s for a transposed convolution or an enlargement
 *     average_pool       the whole picture, for every later value
 *
 * After an enlargement, the pixels of a value have fields of different sizes, depending on their position
 * between the pixels of the smaller value. So fields are not summed but traced back, pixel by pixel, by the
 * equations of the kernels (reads.h). */
#ifndef LIMN_RECEPTIVE_H
#define LIMN_RECEPTIVE_H

#include "engine/graph/reads.h"
#include "engine/run/plan.h"

struct receptive {
    bool depends;          /* the value depends on this input; if false, all is 0 */
    bool whole;            /* each pixel depends on the whole input, height x width */
    int64_t height, width; /* pixels of the input */
    double stride;         /* pixels of the input from one pixel to the next; 0 for a single pixel */
};

/* Fills fields[graph->count] for the input node `input`; those of fused nodes are 0. `plan` gives the sizes,
 * on which fields depend after an enlargement by a fraction. LIMN_E_MEMORY. */
limn_status receptive_fields(const struct graph *graph, const struct plan *plan, value_id input,
                             struct receptive *fields, limn_error *error);

/* Fills spans[graph->count] with the rows (or columns) of every value on which row (column) `at` of value `x`
 * depends; an empty span means that it does not depend on that value. */
void receptive_trace(const struct graph *graph, const struct plan *plan, value_id x, int64_t at, bool columns,
                     struct side_span *spans);

#endif
