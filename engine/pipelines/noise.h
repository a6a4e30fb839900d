/* noise.h - seeded normal noise, the same on every machine: the latent vectors of the VAE and the DCGAN.
 *
 * Value i is the normal quantile of uniform number i, so a short vector is the beginning of a longer one
 * of the same seed:
 *
 *     state_i = seed + (i + 1) 0x9e3779b97f4a7c15             modulo 2^64
 *     bits_i  = mix(state_i)                                  SplitMix64 [1]
 *     u_i     = (floor(bits_i / 2^12) + 1/2) / 2^52           in (0, 1), exact, never an end
 *     value_i = PPND16(u_i), rounded to float                 AS 241 [2], within 1e-15 of the true quantile
 *
 * [1] Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
 * [2] Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics
 * 37(3), 1988.
 *
 * Only + - * /, sqrt and maths.h's logarithm are used, which have the same bits everywhere. No value is
 * larger than 8.21. */
#ifndef LIMN_NOISE_H
#define LIMN_NOISE_H

#include <stdint.h>

/* values: `count` numbers from N(0, 1). Thread-safe. */
void noise_normal(uint64_t seed, float *values, int64_t count);

#endif
