/* bf16.c - see bf16.h: the definition of splitting, number by number. simd_split.c does the same by vectors.
 */
#include "layers/bf16.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

float bf16_value(uint16_t number)
{
    uint32_t bits = (uint32_t)number << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t truncated(float x)
{
    enum { QUIET = 0x40 }; /* a NaN whose upper half is that of infinity stays a NaN */
    return (uint16_t)(bits_of(x) >> 16 | (isnan(x) ? QUIET : 0));
}

/* To nearest, ties to even. */
static uint16_t rounded(float x)
{
    uint32_t bits = bits_of(x);
    uint16_t number = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    return isfinite(x) && isfinite(bf16_value(number)) ? number : truncated(x);
}

void bf16_split(float x, int parts, uint16_t *to)
{
    for (int part = 0; part < parts; part++) {
        to[part] = parts == BF16_PARTS_MOST ? truncated(x) : rounded(x);
        x = isfinite(x) ? x - bf16_value(to[part]) : 0;
    }
}
