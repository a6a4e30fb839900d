/* explain.h - the parts of limn explain. */
#ifndef APP_EXPLAIN_H
#define APP_EXPLAIN_H

#include "apps/cli/app.h"
#include "engine/inspect/explanation.h"

/* Prints an explanation to standard output as text tables. */
void explain_text(const struct explanation *explanation);

/* Writes a picture of the arena over the steps, an SVG file. LIMN_E_OUTPUT. */
limn_status explain_svg(const struct explanation *explanation, const char *path, bool force,
                        limn_error *error);

/* Bytes as "512 B", "20 MB", "1.23 GB": at most three digits, units are powers of 1000. */
const char *bytes_text(size_t bytes, char text[24]);

/* The size of an output as "1x64x64x3": N x H x W x C. */
enum { CELL = 64 };
const char *output_text(const struct layer_dims *d, char text[CELL]);

#endif
