/* test_layers.c - every variant of every operator against its reference, over odd shapes and every
 * instruction set this CPU has. */
#include "support.h"
#include "gemm.h"
#include "layer.h"
#include "native.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum isa running_isa;

/* One way to run an operator: dimensions, strides wider than the channels, an epilogue. */
struct trial {
    enum layer_kind kind;
    struct layer_dims d;
    int64_t x_extra, y_extra; /* floats beyond the channels in a pixel's stride */
    bool bias, residual, relu, scale;
    bool hwio;
};

struct buffers {
    struct guarded x, y, w, residual, bias, scale, shift;
};

static int64_t in_pixels(const struct layer_dims *d)
{
    return d->n * d->ih * d->iw;
}

static int64_t out_pixels(const struct layer_dims *d)
{
    return d->n * d->oh * d->ow;
}

static const char *describe(const struct trial *t, const char *variant)
{
    static char text[256];
    const struct layer_dims *d = &t->d;
    snprintf(text, sizeof text,
             "%s %s: n %" PRId64 " in %" PRId64 "x%" PRId64 "x%" PRId64 " out %" PRId64 "x%" PRId64
             "x%" PRId64 " kernel %" PRId64 "x%" PRId64 " stride %" PRId64 " %" PRId64 " pad %" PRId64
             " %" PRId64 " dilation %" PRId64 " %" PRId64 " extra %" PRId64 " %" PRId64 "%s%s%s%s%s",
             isa_name(running_isa), variant, d->n, d->ih, d->iw, d->ic, d->oh, d->ow, d->oc, d->kh, d->kw,
             d->stride_h, d->stride_w, d->pad_h, d->pad_w, d->dilation_h, d->dilation_w, t->x_extra,
             t->y_extra, t->bias ? " bias" : "", t->residual ? " residual" : "", t->relu ? " relu" : "",
             t->scale ? " scale" : "", t->hwio ? " hwio" : "");
    return text;
}

static struct guarded random_block(struct random *random, int64_t count)
{
    struct guarded block = guarded_create(count);
    random_fill(random, block.values, count);
    return block;
}

static struct buffers make_buffers(const struct trial *t, struct random *random)
{
    const struct layer_dims *d = &t->d;
    return (struct buffers){
        .x = random_block(random, in_pixels(d) * (d->ic + t->x_extra)),
        .y = guarded_create(out_pixels(d) * (d->oc + t->y_extra)),
        .w = random_block(random, t->kind == LAYER_CONV2D ? d->oc * d->ic * d->kh * d->kw : 1),
        .residual = random_block(random, out_pixels(d) * (d->oc + 1)),
        .bias = random_block(random, d->oc),
        .scale = random_block(random, d->oc),
        .shift = random_block(random, d->oc),
    };
}

static void free_buffers(struct buffers *b)
{
    guarded_free(&b->x);
    guarded_free(&b->y);
    guarded_free(&b->w);
    guarded_free(&b->residual);
    guarded_free(&b->bias);
    guarded_free(&b->scale);
    guarded_free(&b->shift);
}

static struct layer_weights weights_of(const struct trial *t, const struct buffers *b)
{
    const struct layer_dims *d = &t->d;
    if (t->hwio)
        return (struct layer_weights){b->w.values, 1, d->oc, d->kw * d->ic * d->oc, d->ic * d->oc, NULL};
    return (struct layer_weights){b->w.values, d->ic * d->kh * d->kw, d->kh * d->kw, d->kw,
                                  1,           b->scale.values};
}

static float weight_at(const struct layer_weights *w, int64_t oc, int64_t ic, int64_t kh, int64_t kw)
{
    float weight = w->data[oc * w->stride_o + ic * w->stride_i + kh * w->stride_h + kw * w->stride_w];
    return w->scale ? weight * w->scale[oc] : weight;
}

/* ---- independent truths, in double, straight from the definitions ------------------------ */

static double at(const struct trial *t, const struct buffers *b, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const struct layer_dims *d = &t->d;
    if (h < 0 || h >= d->ih || w < 0 || w >= d->iw)
        return 0;
    return (double)b->x.values[((n * d->ih + h) * d->iw + w) * (d->ic + t->x_extra) + c];
}

static double true_conv2d(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                          int64_t oc)
{
    const struct layer_dims *d = &t->d;
    struct layer_weights w = weights_of(t, b);
    double sum = 0;
    for (int64_t ic = 0; ic < d->ic; ic++)
        for (int64_t kh = 0; kh < d->kh; kh++)
            for (int64_t kw = 0; kw < d->kw; kw++)
                sum += at(t, b, n, oh * d->stride_h - d->pad_h + kh * d->dilation_h,
                          ow * d->stride_w - d->pad_w + kw * d->dilation_w, ic) *
                       (double)weight_at(&w, oc, ic, kh, kw);
    return sum;
}

/* Keys' cubic with A = -0.75 and legacy coordinates, one tap after the other. */
static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

static int64_t clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

static double true_bicubic(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                           int64_t c)
{
    const struct layer_dims *d = &t->d;
    double y = (double)oh * (double)d->ih / (double)d->oh, x = (double)ow * (double)d->iw / (double)d->ow,
           sum = 0;
    for (int64_t i = (int64_t)y - 1; i <= (int64_t)y + 2; i++)
        for (int64_t j = (int64_t)x - 1; j <= (int64_t)x + 2; j++)
            sum += cubic(y - (double)i) * cubic(x - (double)j) *
                   at(t, b, n, clamp(i, d->ih), clamp(j, d->iw), c);
    return sum;
}

static double true_value(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                         int64_t oc)
{
    const struct layer_dims *d = &t->d;
    switch (t->kind) {
    case LAYER_CONV2D:
        return true_conv2d(t, b, n, oh, ow, oc);
    case LAYER_BICUBIC:
        return true_bicubic(t, b, n, oh, ow, oc);
    case LAYER_UPSAMPLE:
        return at(t, b, n, oh * d->ih / d->oh, ow * d->iw / d->ow, oc);
    default:
        return at(t, b, n, oh, ow, oc);
    }
}

static float *true_output(const struct trial *t, const struct buffers *b)
{
    const struct layer_dims *d = &t->d;
    float *want = malloc((size_t)(out_pixels(d) * d->oc) * sizeof *want);
    assert_non_null(want);
    for (int64_t p = 0; p < out_pixels(d); p++)
        for (int64_t oc = 0; oc < d->oc; oc++) {
            double v = true_value(t, b, p / (d->oh * d->ow), p / d->ow % d->oh, p % d->ow, oc);
            v += t->bias ? (double)b->bias.values[oc] : 0;
            v += t->residual ? (double)b->residual.values[p * (d->oc + 1) + oc] : 0;
            v = t->relu && v < 0 ? 0 : v;
            if (t->scale)
                v = v * (double)b->scale.values[oc] + (double)b->shift.values[oc];
            want[p * d->oc + oc] = (float)v;
        }
    return want;
}

/* ---- running a variant ------------------------------------------------------------------- */

static void run_variant(const struct trial *t, const struct buffers *b, const struct layer_variant *variant)
{
    const struct layer_dims *d = &t->d;
    size_t packed_bytes = variant->packed_bytes ? variant->packed_bytes(d) : 0;
    size_t workspace_bytes = variant->workspace_bytes ? variant->workspace_bytes(d) : 0;
    struct guarded packed = guarded_create((int64_t)(packed_bytes / sizeof(float)));
    struct guarded workspace = guarded_create((int64_t)(workspace_bytes / sizeof(float)));
    struct layer_weights weights = weights_of(t, b);
    if (variant->pack)
        variant->pack(d, &weights, packed.values);
    struct layer_args args = {.d = *d,
                              .x = b->x.values,
                              .x_stride = d->ic + t->x_extra,
                              .y = b->y.values,
                              .y_stride = d->oc + t->y_extra,
                              .packed = packed.values};
    args.epilogue.bias = t->bias ? b->bias.values : NULL;
    args.epilogue.residual = t->residual ? b->residual.values : NULL;
    args.epilogue.residual_stride = d->oc + 1;
    args.epilogue.activation = t->relu ? ACTIVATION_RELU : ACTIVATION_NONE;
    args.epilogue.scale = t->scale ? b->scale.values : NULL;
    args.epilogue.shift = t->scale ? b->shift.values : NULL;
    for (int64_t task = variant->tasks(d); task-- > 0;) /* backwards: order must not matter */
        variant->run_task(&args, task, workspace.values);
    bool intact = guarded_intact(&packed, describe(t, variant->name)) &&
                  guarded_intact(&workspace, describe(t, variant->name)) &&
                  guarded_intact(&b->y, describe(t, variant->name));
    guarded_free(&packed);
    guarded_free(&workspace);
    assert_true(intact);
}

/* Floats between the pixels of a strided output belong to someone else. */
static void check_gaps(const struct trial *t, const struct buffers *b, const char *what)
{
    int64_t stride = t->d.oc + t->y_extra;
    for (int64_t i = 0; i < b->y.count; i++)
        if (i % stride >= t->d.oc && !isnan(b->y.values[i]))
            fail_with("%s: wrote behind the channels of pixel %" PRId64, what, i / stride);
}

static void try_all_variants(const struct trial *t, struct random *random)
{
    const struct layer_dims *d = &t->d;
    struct buffers b = make_buffers(t, random);
    float *want = true_output(t, &b);
    /* Sums of K products of values in -1..1, accumulated in float in another order: the error grows with
     * sqrt(K). */
    double terms = t->kind == LAYER_CONV2D ? (double)(d->ic * d->kh * d->kw) : 16;
    double tolerance = 4e-7 * sqrt(terms) + 4e-7;
    for (const struct layer_variant *const *v = layer_operators[t->kind].variants; *v; v++) {
        if (!(*v)->applies(d))
            continue;
        for (int64_t i = 0; i < b.y.count; i++)
            b.y.values[i] = NAN;
        run_variant(t, &b, *v);
        struct tensor got = tensor_view(b.y.values, d->n, d->oh, d->ow, d->oc, d->oc + t->y_extra);
        assert_true(tensors_agree(&got, want, tolerance, 1e-6, describe(t, (*v)->name)));
        check_gaps(t, &b, describe(t, (*v)->name));
    }
    free(want);
    free_buffers(&b);
}

/* ---- tables ------------------------------------------------------------------------------ */

static int64_t outputs(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
{
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

static void conv_trial(struct layer_dims d, unsigned flags, struct random *random)
{
    d.oh = outputs(d.ih, d.kh, d.stride_h, d.pad_h, d.dilation_h);
    d.ow = outputs(d.iw, d.kw, d.stride_w, d.pad_w, d.dilation_w);
    if (d.ih + 2 * d.pad_h < d.dilation_h * (d.kh - 1) + 1 ||
        d.iw + 2 * d.pad_w < d.dilation_w * (d.kw - 1) + 1)
        return;
    struct trial t = {.kind = LAYER_CONV2D, .d = d};
    t.bias = flags & 1, t.residual = flags & 2, t.relu = flags & 4, t.scale = flags & 8, t.hwio = flags & 16;
    t.x_extra = flags & 32 ? 3 : 0, t.y_extra = flags & 64 ? 5 : 0;
    try_all_variants(&t, random);
}

static void test_conv2d_windows(void **state)
{
    (void)state;
    struct random random = {1};
    static const struct layer_dims windows[] = {
        /* kh kw  stride  pad    dilation */
        {.kh = 1, .kw = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
        {.kh = 1, .kw = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1},
        {.kh = 3,
         .kw = 3,
         .stride_h = 1,
         .stride_w = 1,
         .pad_h = 1,
         .pad_w = 1,
         .dilation_h = 1,
         .dilation_w = 1},
        {.kh = 3,
         .kw = 3,
         .stride_h = 2,
         .stride_w = 2,
         .pad_h = 1,
         .pad_w = 1,
         .dilation_h = 1,
         .dilation_w = 1},
        {.kh = 3,
         .kw = 3,
         .stride_h = 1,
         .stride_w = 1,
         .pad_h = 2,
         .pad_w = 2,
         .dilation_h = 2,
         .dilation_w = 2},
        {.kh = 3,
         .kw = 3,
         .stride_h = 1,
         .stride_w = 1,
         .pad_h = 12,
         .pad_w = 12,
         .dilation_h = 12,
         .dilation_w = 12},
        {.kh = 5,
         .kw = 5,
         .stride_h = 2,
         .stride_w = 2,
         .pad_h = 2,
         .pad_w = 2,
         .dilation_h = 1,
         .dilation_w = 1},
        {.kh = 7,
         .kw = 7,
         .stride_h = 2,
         .stride_w = 2,
         .pad_h = 3,
         .pad_w = 3,
         .dilation_h = 1,
         .dilation_w = 1},
        {.kh = 4,
         .kw = 2,
         .stride_h = 3,
         .stride_w = 1,
         .pad_h = 0,
         .pad_w = 1,
         .dilation_h = 1,
         .dilation_w = 3},
        {.kh = 2,
         .kw = 3,
         .stride_h = 1,
         .stride_w = 2,
         .pad_h = 1,
         .pad_w = 0,
         .dilation_h = 2,
         .dilation_w = 1},
    };
    static const int64_t sizes[][2] = {{1, 1}, {1, 9}, {5, 1}, {7, 6}, {13, 17}, {24, 8}};
    static const int64_t channels[][2] = {{1, 1}, {3, 16}, {4, 3}, {17, 21}, {32, 33}};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
                struct layer_dims d = windows[w];
                d.n = 1 + (int64_t)(s + c) % 2;
                d.ih = sizes[s][0], d.iw = sizes[s][1];
                d.ic = channels[c][0], d.oc = channels[c][1];
                conv_trial(d, (unsigned)random_below(&random, 128), &random);
            }
}

/* Every combination of the epilogue's parts, layouts and strides. */
static void test_conv2d_epilogues(void **state)
{
    (void)state;
    struct random random = {2};
    struct layer_dims d = {.n = 2,
                           .ih = 11,
                           .iw = 13,
                           .ic = 6,
                           .oc = 19,
                           .kh = 3,
                           .kw = 3,
                           .stride_h = 1,
                           .stride_w = 1,
                           .pad_h = 1,
                           .pad_w = 1,
                           .dilation_h = 1,
                           .dilation_w = 1};
    for (unsigned flags = 0; flags < 128; flags++)
        conv_trial(d, flags, &random);
}

/* Many taps: blocks of the other height in the GEMM form, and long sums. */
static void test_conv2d_deep(void **state)
{
    (void)state;
    struct random random = {3};
    struct layer_dims d = {.n = 1,
                           .ih = 9,
                           .iw = 14,
                           .ic = 160,
                           .oc = 24,
                           .kh = 3,
                           .kw = 3,
                           .stride_h = 1,
                           .stride_w = 1,
                           .pad_h = 1,
                           .pad_w = 1,
                           .dilation_h = 1,
                           .dilation_w = 1};
    conv_trial(d, 1 | 4 | 64, &random);
}

static void test_pointwise(void **state)
{
    (void)state;
    struct random random = {4};
    static const int64_t channels[] = {1, 3, 4, 15, 16, 17, 64, 313};
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (unsigned flags = 0; flags < 64; flags++) {
            struct trial t = {.kind = LAYER_POINTWISE};
            t.d = (struct layer_dims){
                .n = 2, .ih = 5, .iw = 7, .ic = channels[c], .oh = 5, .ow = 7, .oc = channels[c]};
            t.bias = flags & 1, t.residual = flags & 2, t.relu = flags & 4, t.scale = flags & 8;
            t.x_extra = flags & 16 ? 2 : 0, t.y_extra = flags & 32 ? 1 : 0;
            try_all_variants(&t, &random);
        }
}

static void test_enlargements(void **state)
{
    (void)state;
    struct random random = {5};
    static const enum layer_kind kinds[] = {LAYER_UPSAMPLE, LAYER_BICUBIC};
    static const int64_t sizes[][2] = {{1, 1}, {1, 6}, {2, 3}, {9, 5}};
    for (size_t k = 0; k < 2; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int64_t factor = 1; factor <= 4; factor *= 2)
                for (int64_t channels = 1; channels <= 7; channels += 2) {
                    struct trial t = {.kind = kinds[k], .x_extra = channels % 3, .y_extra = factor};
                    t.d = (struct layer_dims){.n = 2, .ih = sizes[s][0], .iw = sizes[s][1], .ic = channels};
                    t.d.oh = factor * t.d.ih, t.d.ow = factor * t.d.iw, t.d.oc = channels;
                    try_all_variants(&t, &random);
                }
}

/* NaN in, NaN out: no activation may hide it. */
static void test_relu_keeps_nan(void **state)
{
    (void)state;
    float y[19];
    for (int i = 0; i < 19; i++)
        y[i] = i % 2 ? NAN : -1.0F;
    epilogue_apply(&(struct epilogue){.activation = ACTIVATION_RELU}, 19, 0, 1, y, 19);
    for (int i = 0; i < 19; i++)
        assert_true(i % 2 ? isnan(y[i]) != 0 : y[i] == 0);
}

/* What --tile relies on: with equal inputs, rows of a product whose places agree modulo LAYER_TILE_PERIOD are
 * equal to the last bit, for the block heights that conv2d_gemm uses. */
static void test_gemm_rows_repeat(void **state)
{
    (void)state;
    struct random random = {6};
    static const int64_t shapes[][2] = {{27, 64},  {64, 64}, {75, 21},    {288, 32},
                                        {576, 64}, {576, 3}, {1152, 128}, {2304, 256}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t k = shapes[s][0], n = shapes[s][1], m = (k <= 1152 ? 16 : 8) * LAYER_TILE_PERIOD;
        struct guarded a = random_block(&random, m * k), b = random_block(&random, k * n),
                       c = guarded_create(m * n);
        for (int64_t row = 1; row < m; row++)
            memcpy(a.values + row * k, a.values, (size_t)k * sizeof(float));
        gemm_run(&(struct gemm){m, n, k, a.values, k, b.values, n, c.values, n});
        for (int64_t row = LAYER_TILE_PERIOD; row < m; row++)
            if (memcmp(c.values + row * n, c.values + row % LAYER_TILE_PERIOD * n,
                       (size_t)n * sizeof(float)) != 0)
                fail_with("K %" PRId64 " N %" PRId64 ": row %" PRId64 " differs from row %" PRId64, k, n, row,
                          row % LAYER_TILE_PERIOD);
        assert_true(guarded_intact(&c, "gemm"));
        guarded_free(&a);
        guarded_free(&b);
        guarded_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv2d_windows),   cmocka_unit_test(test_conv2d_epilogues),
        cmocka_unit_test(test_conv2d_deep),      cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_enlargements),     cmocka_unit_test(test_relu_keeps_nan),
        cmocka_unit_test(test_gemm_rows_repeat),
    };
    int failed = 0;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has(isa))
            continue;
        gemm_init(isa, true);
        native_choose(isa);
        running_isa = isa;
        printf("-- %s, OpenBLAS core %s\n", isa_name(isa), gemm_core());
        failed += cmocka_run_group_tests_name(isa_name(isa), tests, NULL, NULL);
    }
    return failed;
}
