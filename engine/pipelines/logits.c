/* logits.c - see logits.h. */
#include "engine/pipelines/logits.h"
#include "layers/bilinear.h"
#include "layers/cpu.h"

#include <string.h>

static void copy_row(const struct tensor *made, int64_t row, float *out)
{
    const float *in = made->data + row * made->w * made->stride;
    for (int64_t x = 0; x < made->w; x++, in += made->stride, out += made->c)
        memcpy(out, in, (size_t)made->c * sizeof *out);
}

static void enlarge_row(const struct logits *logits, int64_t row, float *out)
{
    const struct tensor *made = logits->made;
    struct layer_args args = {.x = made->data, .x_stride = made->stride, .y_stride = made->c};
    args.d = (struct layer_dims){.n = 1, .ih = made->h, .iw = made->w, .ic = made->c};
    args.d.oh = logits->height, args.d.ow = logits->width, args.d.oc = made->c;
    args.d.align_corners = logits->align_corners;
    uint64_t denormals = cpu_flush_denormals(); /* as in a session's run */
    bilinear_row(&args, row, out);
    cpu_restore_denormals(denormals);
}

void logits_row(const struct logits *logits, int64_t row, float *out)
{
    if (logits->height == logits->made->h && logits->width == logits->made->w)
        copy_row(logits->made, row, out);
    else
        enlarge_row(logits, row, out);
}
