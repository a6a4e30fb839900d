/* latents.h - latent vectors, the inputs of generators: from a seed, on a walk between two seeds, from a
 * file.
 *
 * N vectors are dense floats, N x size. */
#ifndef LIMN_LATENTS_H
#define LIMN_LATENTS_H

#include "engine/base/status.h"

/* Makes vectors 0 .. count-1 of a seed, N(0, 1): vector i is values i * size .. (i + 1) * size - 1 of
 * noise_normal (noise.h), so it does not depend on `count`. Release *latents with mem_free; NULL on failure.
 * LIMN_E_MEMORY. */
limn_status latents_create(uint64_t seed, int64_t count, int64_t size, float **latents, limn_error *error);

/* A walk from `from` to `to`, both of `size` values: `count` >= 2 vectors, the ends included, along the great
 * circle:
 *
 *     z(t) = sin((1 - t) w) / sin w * from  +  sin(t w) / sin w * to       w: the angle between the two
 *     t    = i / (count - 1)
 *
 * Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985; White, "Sampling Generative
 * Networks", arXiv 1609.04468. Normal vectors have lengths near sqrt(size), and so have those on the circle;
 * a straight line would pass closer to zero, where the network was not trained. Computed in double. Vectors
 * that point the same or the opposite way define no circle; the walk is then a straight line. */
void latents_walk(const float *from, const float *to, int64_t count, int64_t size, float *latents);

/* latents_walk into newly allocated memory, from the first vector of one seed to that of another. Release
 * *latents with mem_free; NULL on failure. LIMN_E_MEMORY. */
limn_status latents_create_walk(uint64_t from, uint64_t to, int64_t count, int64_t size, float **latents,
                                limn_error *error);

/* Reads a .npy file of N x size values, or of N x size x 1 x 1 as `limn run` takes them. N goes to *count;
 * release *latents with mem_free. LIMN_E_INPUT for another shape, no vectors, or values that are not finite;
 * LIMN_E_MEMORY. On failure *latents is NULL. */
limn_status latents_read(const char *path, int64_t size, float **latents, int64_t *count, limn_error *error);

#endif
