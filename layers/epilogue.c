/* epilogue.c - see epilogue.h. */
#include "layers/epilogue.h"
#include "layers/simd.h"

void epilogue_apply(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                    int64_t y_stride)
{
    if (e->bias || e->residual || e->activation != ACTIVATION_NONE || e->scale)
        simd()->epilogue(e, channels, first, pixels, y, y_stride);
}

struct epilogue epilogue_slice(const struct epilogue *e, int64_t oc)
{
    struct epilogue part = *e;
    part.bias = e->bias ? e->bias + oc : NULL;
    part.residual = e->residual ? e->residual + oc : NULL;
    part.scale = e->scale ? e->scale + oc : NULL;
    part.shift = e->shift ? e->shift + oc : NULL;
    return part;
}

void epilogue_row(const struct layer_args *a, int64_t task, epilogue_sum sum)
{
    const struct layer_dims *d = &a->d;
    float *y = a->y + task * d->ow * a->y_stride;
    for (int64_t ow = 0; ow < d->ow; ow++)
        for (int64_t oc = 0; oc < d->oc; oc++)
            y[ow * a->y_stride + oc] = (float)sum(a, task / d->oh, task % d->oh, ow, oc);
    epilogue_apply(&a->epilogue, d->oc, task * d->ow, d->ow, y, a->y_stride);
}
