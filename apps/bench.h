/* bench.h - the parts of limn bench. */
#ifndef BENCH_H
#define BENCH_H

#include "app.h"

/* Every variant of the convolutions on shapes of the seven networks, on standard output: see bench_kernels.c.
 * LIMN_E_MEMORY. */
limn_status bench_kernels(const struct options *options, limn_error *error);

#endif
