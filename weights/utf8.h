/* utf8.h - characters as UTF-8 bytes (Unicode 15, section 3.9; RFC 3629). */
#ifndef WEIGHTS_UTF8_H
#define WEIGHTS_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum {
    UTF8_MOST = 4,             /* bytes of a character */
    UTF8_REPLACEMENT = 0xFFFD, /* the character that takes the place of what is not one */
};
#define UTF8_ILL_FORMED UINT32_MAX

/* Decodes the first character of `size` bytes, at least one. Returns its length in bytes and sets *code.
 *
 * Bytes that no sequence of table 3-7 begins with (overlong forms, surrogates, codes above U+10FFFF, stray
 * bytes, sequences that are cut) give UTF8_ILL_FORMED. The length is then that of the longest part that
 * begins a valid sequence, or one byte: one replacement character for each is what Unicode recommends, and
 * what web browsers and Python's errors="replace" do. */
size_t utf8_decode(const unsigned char *text, size_t size, uint32_t *code);

/* Writes a character, at most U+10FFFF and not a surrogate. Returns its length in bytes. */
size_t utf8_encode(uint32_t code, char out[UTF8_MOST]);

#endif
