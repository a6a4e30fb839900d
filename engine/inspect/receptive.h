/* receptive.h - how much of the picture each value of a graph sees.
 *
 * The receptive field of a value is the rectangle of input pixels that one of its pixels can depend on: the
 * largest over all its pixels, over all ways from the input to it, and over what was fused into its maker.
 * Pixels between the first and the last of a dilated kernel belong to it. The picture's edges do not count,
 * so a field may be larger than the picture.
 *
 *     conv2d, max_pool   kernel k, dilation d at a stride of j so far:  field + (k - 1) d j
 *     a stride of s      the stride becomes j s; transposed, or an enlargement, j / s
 *     average_pool       the whole picture, for everything behind it
 *
 * is how fields grow until something is enlarged. Behind that, pixels of a value see fields of different
 * sizes, by where they lie between the pixels of the smaller one: so fields are not added up but traced back,
 * pixel by pixel, by the kernels' own equations (reads.h). */
#ifndef LIMN_RECEPTIVE_H
#define LIMN_RECEPTIVE_H

#include "engine/graph/reads.h"
#include "engine/run/plan.h"

struct receptive {
    bool depends;          /* on this input at all; the rest is 0 where it does not */
    bool whole;            /* each pixel sees the whole input, which are height and width then */
    int64_t height, width; /* pixels of the input */
    double stride;         /* pixels of the input from one pixel to the next; 0 where there is but one */
};

/* Fills fields[graph->count] for the input node `input`; those of fused nodes stay 0. `plan` gives the sizes:
 * the fields depend on them behind an enlargement whose factor is not a whole number. LIMN_E_MEMORY. */
limn_status receptive_fields(const struct graph *graph, const struct plan *plan, value_id input,
                             struct receptive *fields, limn_error *error);

/* The rows of every value that row `at` of value `x` depends on: spans[graph->count], all of them empty where
 * it does not depend on that value. Columns instead of rows when `columns`. */
void receptive_trace(const struct graph *graph, const struct plan *plan, value_id x, int64_t at, bool columns,
                     struct side_span *spans);

#endif
