/* explain.c - see explain.h. */
#include "apps/cli/explain.h"

#include <inttypes.h>

const char *bytes_text(size_t bytes, char text[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 999.5 && unit + 1 < sizeof units / sizeof *units)
        amount /= 1000, unit++;
    snprintf(text, 24, "%.3g %s", amount, units[unit]);
    return text;
}

const char *output_text(const struct layer_dims *d, char text[CELL])
{
    snprintf(text, CELL, "%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64, d->n, d->oh, d->ow, d->oc);
    return text;
}
