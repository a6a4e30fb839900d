/* png_crc.h - the checksum of PNG chunks. */
#ifndef LIMN_PNG_CRC_H
#define LIMN_PNG_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (W3C PNG, third edition, annex D) of `size` bytes; `crc` is 0, or the result for the bytes before.
 */
uint32_t png_crc(uint32_t crc, const unsigned char *bytes, size_t size);

#endif
