/* deflate.h - a streaming zlib encoder (RFC 1950, RFC 1951) in constant memory. */
#ifndef LIMN_DEFLATE_H
#define LIMN_DEFLATE_H

#include "engine/base/status.h"

struct deflate;

/* Receives compressed bytes, a block (at most about 64 KB) at a time. Its errors are returned to the caller
 * of the encoder. */
typedef limn_status deflate_sink(void *context, const unsigned char *bytes, size_t size, limn_error *error);

/* Starts a stream. Allocates all memory it will use, about 0.6 MB. LIMN_E_MEMORY. */
limn_status deflate_create(deflate_sink *sink, void *context, struct deflate **deflate, limn_error *error);

/* Appends to the stream. The output does not depend on how the input is divided into calls. */
limn_status deflate_write(struct deflate *deflate, const unsigned char *bytes, size_t size,
                          limn_error *error);

/* Compresses the rest and ends the stream. */
limn_status deflate_finish(struct deflate *deflate, limn_error *error);

void deflate_free(struct deflate *deflate);

#endif
