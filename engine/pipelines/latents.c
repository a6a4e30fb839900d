/* latents.c - see latents.h. */
#include "engine/pipelines/latents.h"
#include "engine/base/maths.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/pipelines/noise.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <math.h>

/* Room for `count` vectors. */
static limn_status create(int64_t count, int64_t size, float **latents, limn_error *error)
{
    size_t vector = float_bytes(size), bytes;
    *latents = size_multiply((uint64_t)count, vector, &bytes) ? mem_alloc(bytes) : NULL;
    return *latents ? LIMN_OK
                    : fail_need(error, LIMN_REASON_NONE, "noise for that many pictures",
                                size_product(count, vector), "fewer pictures");
}

limn_status latents_create(uint64_t seed, int64_t count, int64_t size, float **latents, limn_error *error)
{
    limn_status status = create(count, size, latents, error);
    if (status == LIMN_OK)
        noise_normal(seed, *latents, count * size);
    return status;
}

static double dot(const float *a, const float *b, int64_t size)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

void latents_walk(const float *from, const float *to, int64_t count, int64_t size, float *latents)
{
    double cosine = dot(from, to, size) / sqrt(dot(from, from, size) * dot(to, to, size));
    double sine = sqrt(fmax(0, (1 - cosine) * (1 + cosine))); /* rounding may lead beyond 1 */
    double angle = maths_atan2(sine, cosine);
    bool circle = maths_sin(angle) > 1e-6;
    for (int64_t n = 0; n < count; n++, latents += size) {
        double t = (double)n / (double)(count - 1);
        double a = circle ? maths_sin((1 - t) * angle) / maths_sin(angle) : 1 - t;
        double b = circle ? maths_sin(t * angle) / maths_sin(angle) : t;
        for (int64_t i = 0; i < size; i++)
            latents[i] = (float)(a * (double)from[i] + b * (double)to[i]);
    }
}

limn_status latents_create_walk(uint64_t from, uint64_t to, int64_t count, int64_t size, float **latents,
                                limn_error *error)
{
    limn_status status = create(count + 2, size, latents, error); /* the two ends are stored after the walk */
    if (status != LIMN_OK)
        return status;
    float *first = *latents + count * size, *last = first + size;
    noise_normal(from, first, size);
    noise_normal(to, last, size);
    latents_walk(first, last, count, size, *latents);
    return LIMN_OK;
}

limn_status latents_read(const char *path, int64_t size, float **latents, int64_t *count, limn_error *error)
{
    struct npy array;
    *latents = NULL;
    *count = 0;
    limn_status status = npy_read(path, &array, error);
    if (status != LIMN_OK)
        return status;
    const int64_t *s = array.shape; /* axes that the file leaves out are 1, at the front */
    bool vectors = s[0] == 1 && s[1] == 1 && s[3] == size, pixels = s[1] == size && s[2] == 1 && s[3] == 1;
    int64_t found = vectors ? s[2] : pixels ? s[0] : 0;
    if (found < 1)
        status = fail(error, LIMN_E_INPUT,
                      "%s: expected N x %" PRId64 " or N x %" PRId64 " x 1 x 1 values; found %" PRId64
                      " x %" PRId64 " x %" PRId64 " x %" PRId64,
                      path, size, size, s[0], s[1], s[2], s[3]);
    for (int64_t i = 0; status == LIMN_OK && i < found * size; i++)
        if (!isfinite(array.data[i]))
            status = fail(error, LIMN_E_INPUT, "%s: value %" PRId64 " of vector %" PRId64 " is not finite",
                          path, i % size, i / size);
    if (status != LIMN_OK) {
        npy_free(&array);
        return status;
    }
    *latents = array.data;
    *count = found;
    return LIMN_OK;
}
