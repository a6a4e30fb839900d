/* jpeg_idct.c - see jpeg_idct.h.
 *
 * The definition (ITU-T T.81, A.3.3), with C(0) = 1 / sqrt 2 and else C = 1:
 *
 *     sample(x, y) = 128 + 1/4 sum over u, v of C(u) C(v) coefficient(u, v) cos((2x+1) u pi/16) cos((2y+1) v
 * pi/16)
 *
 * It separates into one transform of 8 numbers down each column, then across each row. Each is the algorithm
 * of Loeffler, Ligtenberg and Moschytz (ICASSP 1989), with 11 multiplications by constants of 13 bits after
 * the point. libjpeg's default method (jidctint.c) keeps two such bits of the numbers between the two passes;
 * stb_image's own method keeps fewer bits of the constants, and of a thousand samples a few are off by one,
 * which colours then multiply. Here each sample is libjpeg's.
 *
 * Where libjpeg multiplies a sum by a constant and adds a product, the constants are joined here, so that all
 * products have factors of 16 bits. The results are the same integers. */
#include "engine/pictures/jpeg_idct.h"

#include <stdbool.h>
#include <string.h>

enum { SIDE = 8, BLOCK = 64, CONSTANT_BITS = 13, PASS_BITS = 2 };

/* The constants of the paper, times 2^13. */
enum {
    C0298 = 2446,
    C0390 = 3196,
    C0541 = 4433,
    C0765 = 6270,
    C0899 = 7373,
    C1175 = 9633,
    C1501 = 12299,
    C1847 = 15137,
    C1961 = 16069,
    C2053 = 16819,
    C2562 = 20995,
    C3072 = 25172
};

/* Transforms the 8 columns of `in`, a lane of a vector each. The results are divided by 2^shift and rounded.
 */
static inline void transform(const int16_t *restrict in, int16_t *restrict out, int shift)
{
    int32_t half = 1 << (shift - 1);
    for (int i = 0; i < SIDE; i++) {
        int16_t f0 = in[i], f1 = in[8 + i], f2 = in[16 + i], f3 = in[24 + i];
        int16_t f4 = in[32 + i], f5 = in[40 + i], f6 = in[48 + i], f7 = in[56 + i];

        int32_t sum = (int16_t)(f0 + f4) * (1 << CONSTANT_BITS) + half;
        int32_t difference = (int16_t)(f0 - f4) * (1 << CONSTANT_BITS) + half;
        int32_t low = f2 * C0541 + f6 * (C0541 - C1847), high = f2 * (C0541 + C0765) + f6 * C0541;
        int32_t even0 = sum + high, even1 = difference + low, even2 = difference - low, even3 = sum - high;

        int16_t f73 = (int16_t)(f7 + f3), f51 = (int16_t)(f5 + f1);
        int32_t z3 = f73 * (C1175 - C1961) + f51 * C1175, z4 = f73 * C1175 + f51 * (C1175 - C0390);
        int32_t odd0 = f7 * -C0899 + f1 * (C1501 - C0899) + z4;
        int32_t odd1 = f5 * -C2562 + f3 * (C3072 - C2562) + z3;
        int32_t odd2 = f5 * (C2053 - C2562) + f3 * -C2562 + z4;
        int32_t odd3 = f7 * (C0298 - C0899) + f1 * -C0899 + z3;

        out[i] = (int16_t)((even0 + odd0) >> shift);
        out[8 + i] = (int16_t)((even1 + odd1) >> shift);
        out[16 + i] = (int16_t)((even2 + odd2) >> shift);
        out[24 + i] = (int16_t)((even3 + odd3) >> shift);
        out[32 + i] = (int16_t)((even3 - odd3) >> shift);
        out[40 + i] = (int16_t)((even2 - odd2) >> shift);
        out[48 + i] = (int16_t)((even1 - odd1) >> shift);
        out[56 + i] = (int16_t)((even0 - odd0) >> shift);
    }
}

typedef int16_t row __attribute__((vector_size(2 * SIDE)));

/* Interleaves the upper four rows with the lower four, three times: each time every element's index, row * 8
 * + column in binary, rotates by one bit. */
static inline void transpose(int16_t block[BLOCK])
{
    row rows[SIDE], mixed[SIDE];
    memcpy(rows, block, sizeof rows);
    for (int bit = 0; bit < 3; bit++) {
        for (int i = 0; i < SIDE / 2; i++) {
            row a = rows[i], b = rows[SIDE / 2 + i];
            mixed[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
            mixed[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        }
        memcpy(rows, mixed, sizeof rows);
    }
    memcpy(block, rows, sizeof rows);
}

static inline unsigned char clamp_sample(int level)
{
    return (unsigned char)(level < 0 ? 0 : level > 255 ? 255 : level);
}

/* A block of one level, as most blocks of a smooth picture are. */
static bool is_flat(const int16_t coefficients[BLOCK])
{
    int16_t any = 0;
    for (int i = 1; i < BLOCK; i++)
        any = (int16_t)(any | coefficients[i]);
    return any == 0;
}

void jpeg_idct(unsigned char *out, int stride, int16_t coefficients[BLOCK])
{
    int16_t columns[BLOCK], rows[BLOCK];
    if (is_flat(coefficients)) {
        for (int y = 0; y < SIDE; y++)
            memset(out + y * stride, clamp_sample(((coefficients[0] + 4) >> 3) + 128), SIDE);
        return;
    }
    transform(coefficients, columns, CONSTANT_BITS - PASS_BITS);
    transpose(columns);
    transform(columns, rows,
              CONSTANT_BITS + PASS_BITS + 3); /* 3: the factor 1/4, and 1/2 of the scale 1/sqrt 2 */
    transpose(rows);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            out[y * stride + x] = clamp_sample(rows[SIDE * y + x] + 128);
}
