/* huffman.h - code lengths and codes for deflate: canonical Huffman codes of limited length (RFC
 * 1951, 3.2.2). */
#ifndef LIMN_HUFFMAN_H
#define LIMN_HUFFMAN_H

#include <stdint.h>

enum { HUFFMAN_MOST_SYMBOLS = 286 };

/* Lengths in bits of the codes for `count` symbols with these frequencies, 0 for one that does not occur,
 * none over `limit` (which must leave room: 1 << limit >= count). At least two symbols must occur. */
void huffman_lengths(const uint32_t *frequency, int count, int limit, uint8_t *length);

/* The canonical codes of those lengths, with their bits reversed: deflate sends Huffman codes from
 * the highest bit, and everything else from the lowest. */
void huffman_codes(const uint8_t *length, int count, uint16_t *code);

#endif
