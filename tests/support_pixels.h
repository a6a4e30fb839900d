/* support_pixels.h - what the tests of pictures as numbers share. */
#ifndef TESTS_SUPPORT_PIXELS_H
#define TESTS_SUPPORT_PIXELS_H

#include "engine/pixels/pixels.h"
#include "tests/support.h"

/* The picture that tools/reference/golden_pixels.py computes too. */
struct picture make_source(int64_t width, int64_t height, int channels, uint32_t seed);

/* What a file holds, in a block of exactly its size, so that reading past its end is noticed; and what is
 * written as text, as a table. Released by free(). */
unsigned char *read_exactly(const char *path, size_t *size);
unsigned char *text_of(const struct picture *picture, size_t *size);
unsigned char *table_of(const struct picture *planes, size_t count, size_t *size);

/* Fails unless these are the bytes of a golden file. */
void check_golden(const char *path, const unsigned char *got, size_t got_size);

/* Reads a string as a file called a.txt or a.csv, and checks that the result of a failure is empty. */
limn_status read_text(const char *text, struct picture *plane, limn_error *error);
limn_status read_table(const char *text, struct pixel_sums *sums, limn_error *error);

#endif
