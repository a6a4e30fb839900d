/* pictures.h - what the targets for pictures share: the promises of picture_decode, and checksums made right.
 */
#ifndef TESTS_FUZZ_PICTURES_H
#define TESTS_FUZZ_PICTURES_H

#include "engine/pictures/picture.h"
#include "tests/fuzz/fuzz.h"

/* Larger pictures are probed but not decoded: they would only make fuzzing slow. */
enum { FUZZ_MOST_PIXELS = 1 << 15 };

/* Whether a file of this header is small enough to be decoded here. */
bool fuzz_is_small(const uint8_t *data, size_t size);

/* Decodes the bytes, as stored and turned upright, and checks what picture.h and picture_probe.h promise. */
void fuzz_check_picture(const uint8_t *data, size_t size);

/* Success, or bad input with a message that shows none of its bytes as they are: printable ASCII. */
void fuzz_check_failure(limn_status status, const limn_error *error, const char *path);

/* Calls `check` with the bytes and, where they are a PNG whose checksums are not those of what its chunks
 * hold, with a copy in which they are: so changes to the chunks reach the decoder. */
void fuzz_also_repaired(void (*check)(const uint8_t *data, size_t size), const uint8_t *data, size_t size);

#endif
