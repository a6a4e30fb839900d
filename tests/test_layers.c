/* test_layers.c - every variant of every operator against its definition, over odd shapes and every
 * instruction set this CPU has. */
#include "layers/epilogue.h"
#include "layers/gemm.h"
#include "layers/simd.h"
#include "tests/support_layers.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t outputs(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
{
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

static void try_conv(struct layer_dims d, unsigned flags, enum activation activation, int64_t compared,
                     struct random *random)
{
    d.oh = outputs(d.ih, d.kh, d.stride_h, d.pad_h, d.dilation_h);
    d.ow = outputs(d.iw, d.kw, d.stride_w, d.pad_w, d.dilation_w);
    if (d.ih + 2 * d.pad_h < d.dilation_h * (d.kh - 1) + 1 ||
        d.iw + 2 * d.pad_w < d.dilation_w * (d.kw - 1) + 1)
        return;
    struct trial t = {
        .kind = LAYER_CONV2D, .d = d, .compared = compared, .only = compared ? "winograd" : NULL};
    t.bias = flags & 1, t.residual = flags & 2, t.scale = flags & 8, t.hwio = flags & 16;
    t.activation = activation;
    t.x_extra = flags & 32 ? 3 : 0, t.y_extra = flags & 64 ? 5 : 0;
    try_all_variants(&t, random);
}

static void conv_trial(struct layer_dims d, unsigned flags, struct random *random)
{
    try_conv(d, flags, flags & 4 ? ACTIVATION_RELU : ACTIVATION_NONE, 0, random);
}

static const struct layer_dims conv_windows[] = {
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

static void test_conv2d_windows(void **state)
{
    (void)state;
    struct random random = {1};
    static const int64_t sizes[][2] = {{1, 1}, {1, 9}, {5, 1}, {7, 6}, {13, 17}, {24, 8}};
    static const int64_t channels[][2] = {{1, 1}, {3, 16}, {4, 3}, {17, 21}, {32, 33}};
    for (size_t w = 0; w < sizeof conv_windows / sizeof *conv_windows; w++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
                struct layer_dims d = conv_windows[w];
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

/* Forms of the kernels change with the numbers of channels: every number of outputs, few inputs and many. */
static void test_conv2d_channels(void **state)
{
    (void)state;
    struct random random = {12};
    static const int64_t inputs[] = {1, 3, 15, 16, 17, 37};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        for (int64_t oc = 1; oc <= 34; oc++) {
            struct layer_dims d = {.n = 1, .ih = 7, .iw = 10, .ic = inputs[i], .oc = oc, .kh = 3, .kw = 3};
            d.stride_h = d.stride_w = d.pad_h = d.pad_w = d.dilation_h = d.dilation_w = 1;
            conv_trial(d, (unsigned)(oc * 5 + (int64_t)i), &random);
        }
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

/* More input channels than are added in one chain, in whatever form. */
static void test_conv2d_long_chains(void **state)
{
    (void)state;
    struct random random = {14};
    for (int64_t kernel = 1; kernel <= 3; kernel += 2)
        for (int64_t oc = 3; oc <= 20; oc += 17) {
            struct layer_dims d = {
                .n = 1, .ih = 5, .iw = 7, .ic = 1100, .oc = oc, .kh = kernel, .kw = kernel};
            d.stride_h = d.stride_w = d.dilation_h = d.dilation_w = 1;
            d.pad_h = d.pad_w = kernel / 2;
            conv_trial(d, (unsigned)random_below(&random, 128), &random);
        }
}

/* Enough tiles and channels for Winograd's algorithm in each of its variants. */
static void test_conv2d_winograd(void **state)
{
    (void)state;
    struct random random = {16};
    static const int64_t shapes[][8] = {
        /* n  ih   iw   ic  oc kernel pad dilation */
        {1, 13, 27, 19, 37, 3, 1, 1},   /* one block of tiles: lean */
        {1, 16, 24, 270, 18, 3, 1, 1},  /* the same, in three slices */
        {1, 38, 41, 19, 37, 3, 1, 1},   /* two blocks */
        {2, 29, 27, 17, 17, 3, 0, 1},   /* which both pictures share */
        {4, 18, 20, 270, 18, 3, 1, 1},  /* sums in two chains */
        {1, 39, 42, 18, 20, 3, 2, 2},   /* lattices of two lengths */
        {12, 9, 9, 20, 33, 3, 1, 1},    /* tiles of three fit better */
        {1, 36, 36, 17, 18, 3, 12, 12}, /* and here, of lattices of three */
        {1, 7, 9, 17, 21, 5, 2, 1},     /* 5x5: with so few tiles those of two outputs only */
        {2, 23, 22, 34, 19, 5, 2, 1},   /* in two blocks; those of four in one */
        {25, 5, 5, 18, 19, 5, 2, 1},    /* in two blocks */
        {1, 18, 20, 270, 18, 5, 2, 1},  /* sums in two chains */
        {1, 23, 26, 17, 18, 5, 4, 2},   /* lattices */
        /* Large ones: only its variants, of which every fifth pixel is compared. */
        {1, 258, 258, 17, 17, 3, 86, 86}, /* too many tiles to keep V for all */
        {1, 63, 63, 530, 17, 3, 21, 21},  /* the same, in slices of the channels; and a large V for all */
    };
    size_t count = sizeof shapes / sizeof *shapes, large = count - 2;
    if (getenv("LIMN_TEST_QUICK")) /* set where an emulator or valgrind runs the tests */
        count = large;
    for (size_t i = 0; i < count; i++) {
        const int64_t *s = shapes[i];
        struct layer_dims d = {.n = s[0], .ih = s[1], .iw = s[2], .ic = s[3], .oc = s[4]};
        d.kh = d.kw = s[5], d.pad_h = d.pad_w = s[6], d.dilation_h = d.dilation_w = s[7];
        d.stride_h = d.stride_w = 1;
        try_conv(d, (unsigned)random_below(&random, 128), (enum activation)(i % 5), i < large ? 0 : 5,
                 &random);
    }
}

/* Its variants on bf16 parts, which need many channels and the rate of matrix tiles. */
static void test_conv2d_winograd_bf16(void **state)
{
    (void)state;
    struct random random = {23};
    struct trial t = {.kind = LAYER_CONV2D, .only = "conv2d_winograd_bf16", .x_extra = 3, .y_extra = 5};
    t.compared = 5, t.activation = ACTIVATION_LEAKY_RELU, t.bias = t.residual = t.scale = true;
    t.d = (struct layer_dims){.n = 1, .ih = 40, .iw = 38, .ic = 200, .oh = 40, .ow = 38, .oc = 195};
    t.d.kh = t.d.kw = 3, t.d.stride_h = t.d.stride_w = t.d.pad_h = t.d.pad_w = 1;
    t.d.dilation_h = t.d.dilation_w = 1; /* two blocks of tiles, two groups of panels */
    try_all_variants(&t, &random);
    if (getenv("LIMN_TEST_QUICK"))
        return;
    t.d.ic = 1900, t.d.oc = 111, t.compared = 16; /* V is too large to be kept for all */
    t.hwio = true, t.residual = false;
    try_all_variants(&t, &random);
}

/* Elsewhere the shapes for products of bf16 parts would only repeat what others try. */
static bool parts_apply(void)
{
    return simd()->bf16_rate > 0;
}

/* Products of bf16 parts, whose slices are 672 to 2048 terms, whose strips are 256 outputs, whose blocks are
 * 96 pixels, and of 32 of which taps may all be outside the picture. */
static void test_conv2d_parts(void **state)
{
    (void)state;
    struct random random = {18};
    static const int64_t shapes[][9] = {
        /* n  ih  iw  ic    oc kernel stride pad dilation */
        {1, 39, 41, 33, 261, 1, 1, 0, 1},  /* two strips of a task, a short block, an incomplete step */
        {1, 8, 9, 2100, 33, 1, 1, 0, 1},   /* two slices of one part, four of three */
        {2, 15, 16, 100, 36, 3, 2, 1, 1},  /* slices within a tap */
        {1, 16, 17, 70, 37, 3, 1, 12, 12}, /* taps without pixels */
        {1, 8, 8, 32, 320, 1, 1, 0, 1},    /* panels divided among tasks */
    };
    for (size_t i = 0; parts_apply() && i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        struct layer_dims d = {.n = s[0], .ih = s[1], .iw = s[2], .ic = s[3], .oc = s[4]};
        d.kh = d.kw = s[5], d.stride_h = d.stride_w = s[6], d.pad_h = d.pad_w = s[7];
        d.dilation_h = d.dilation_w = s[8];
        try_conv(d, (unsigned)random_below(&random, 128), (enum activation)(i % 5), 0, &random);
    }
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
            t.bias = flags & 1, t.residual = flags & 2, t.scale = flags & 8;
            t.activation = (enum activation)(flags % 5);
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

/* ---- transposed convolution -------------------------------------------------------------- */

static const struct layer_dims transpose_windows[] = {
    {.kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2},
    {.kh = 4, .kw = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1},
    {.kh = 4, .kw = 4, .stride_h = 1, .stride_w = 1},
    {.kh = 3, .kw = 5, .stride_h = 2, .stride_w = 3, .pad_h = 1, .pad_w = 2},
    {.kh = 1, .kw = 1, .stride_h = 3, .stride_w = 1},
    {.kh = 4, .kw = 4, .stride_h = 4, .stride_w = 4}, /* dcgan's first: no two taps meet */
};

static void transpose_trial(struct layer_dims d, unsigned flags, struct random *random)
{
    d.oh = (d.ih - 1) * d.stride_h - 2 * d.pad_h + d.kh;
    d.ow = (d.iw - 1) * d.stride_w - 2 * d.pad_w + d.kw;
    if (d.oh <= 0 || d.ow <= 0)
        return;
    struct trial t = {.kind = LAYER_CONV2D_TRANSPOSE, .d = d};
    t.bias = flags & 1, t.residual = flags & 2, t.scale = flags & 4, t.hwio = flags & 8;
    t.x_extra = flags & 16 ? 2 : 0, t.y_extra = flags & 32 ? 3 : 0;
    t.activation = (enum activation)(flags % 5);
    try_all_variants(&t, random);
}

static void test_conv2d_transpose(void **state)
{
    (void)state;
    struct random random = {7};
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {5, 3}, {11, 12}};
    static const int64_t channels[][2] = {{1, 1}, {5, 3}, {16, 32}, {9, 33}, {33, 70}};
    for (size_t w = 0; w < sizeof transpose_windows / sizeof *transpose_windows; w++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
                struct layer_dims d = transpose_windows[w];
                d.n = 1 + (int64_t)(s + c) % 3, d.ih = sizes[s][0], d.iw = sizes[s][1];
                d.ic = channels[c][0], d.oc = channels[c][1];
                transpose_trial(d, (unsigned)random_below(&random, 128), &random);
            }
}

/* The forms for few outputs: every number of them, with every window. */
static void test_few_outputs(void **state)
{
    (void)state;
    struct random random = {13};
    for (int64_t oc = 1; oc <= 9; oc++) {
        struct layer_dims size = {.n = 2, .ih = 9, .iw = 14, .ic = 15 + oc, .oc = oc};
        for (size_t w = 0; w < sizeof conv_windows / sizeof *conv_windows; w++) {
            struct layer_dims d = conv_windows[w];
            d.n = size.n, d.ih = size.ih, d.iw = size.iw, d.ic = size.ic, d.oc = size.oc;
            conv_trial(d, (unsigned)random_below(&random, 128), &random);
        }
        for (size_t w = 0; w < sizeof transpose_windows / sizeof *transpose_windows; w++) {
            struct layer_dims d = transpose_windows[w];
            d.n = size.n, d.ih = size.ih, d.iw = size.iw, d.ic = size.ic, d.oc = size.oc;
            transpose_trial(d, (unsigned)random_below(&random, 128), &random);
        }
    }
}

/* Enough tiles and channels for Winograd's algorithm in each of its variants. */
static void test_conv2d_transpose_winograd(void **state)
{
    (void)state;
    struct random random = {15};
    static const int64_t shapes[][5] = {
        /* n  ih  iw  ic   oc */
        {1, 11, 15, 20, 33},   /* the fewest tiles: lean */
        {1, 19, 22, 33, 70},   /* one block of them */
        {1, 20, 20, 270, 18},  /* the same, in three slices */
        {3, 23, 24, 17, 37},   /* two blocks, which the pictures share */
        {1, 75, 77, 34, 20},   /* four of one picture: not lean by itself */
        {13, 18, 20, 270, 17}, /* of many, and sums in two chains */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        struct layer_dims d = {.n = s[0], .ih = s[1], .iw = s[2], .ic = s[3], .oc = s[4]};
        d.kh = d.kw = 4, d.stride_h = d.stride_w = 2, d.pad_h = d.pad_w = 1;
        transpose_trial(d, (unsigned)random_below(&random, 128), &random);
    }
}

/* Phases on products of bf16 parts: phases of different sizes, and without taps. */
static void test_conv2d_transpose_parts(void **state)
{
    (void)state;
    struct random random = {19};
    size_t step = getenv("LIMN_TEST_QUICK") ? 4 : 1;
    for (size_t w = 0; parts_apply() && w < sizeof transpose_windows / sizeof *transpose_windows; w += step) {
        struct layer_dims d = transpose_windows[w];
        d.n = 1 + (int64_t)w % 2, d.ih = 9, d.iw = 11, d.ic = 37, d.oc = 261;
        transpose_trial(d, (unsigned)random_below(&random, 128), &random);
    }
}

/* Products that leave no column of their panels empty: with the last of them kn2row reads past their end. */
static void test_full_columns(void **state)
{
    (void)state;
    struct random random = {17};
    for (int64_t oc = 1; oc <= 7; oc++) {
        struct layer_dims d = {.n = 1, .ih = 6, .iw = 12, .ic = 16, .oc = oc, .kh = 4, .kw = 4};
        d.pad_w = d.stride_h = d.stride_w = d.dilation_h = d.dilation_w = 1;
        conv_trial(d, (unsigned)random_below(&random, 128), &random);
    }
}

/* ---- pooling, softmax, padding, interpolation --------------------------------------------- */

static void test_pools(void **state)
{
    (void)state;
    struct random random = {8};
    static const struct layer_dims windows[] = {
        {.kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2},
        {.kh = 3, .kw = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1},
        {.kh = 1, .kw = 1, .stride_h = 2, .stride_w = 2},
        {.kh = 3, .kw = 1, .stride_h = 1, .stride_w = 3, .pad_h = 1},
    };
    static const int64_t sizes[][2] = {{2, 2}, {3, 8}, {9, 5}, {14, 17}};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int64_t channels = 1; channels < 140; channels += 67) {
                struct trial t = {
                    .kind = LAYER_MAX_POOL, .d = windows[w], .x_extra = channels % 2, .y_extra = 1};
                t.d.n = 2, t.d.ih = sizes[s][0], t.d.iw = sizes[s][1], t.d.ic = t.d.oc = channels;
                t.d.oh = outputs(t.d.ih, t.d.kh, t.d.stride_h, t.d.pad_h, 1);
                t.d.ow = outputs(t.d.iw, t.d.kw, t.d.stride_w, t.d.pad_w, 1);
                try_all_variants(&t, &random);
                t.kind = LAYER_AVERAGE_POOL;
                t.d.oh = t.d.ow = 1;
                try_all_variants(&t, &random);
            }
}

static void test_max_pool_keeps_nan(void **state)
{
    (void)state;
    const float x[6] = {1, NAN, 3, NAN, 5, 6};
    float y[3];
    struct layer_args args = {.x = x, .x_stride = 1, .y = y, .y_stride = 1};
    args.d = (struct layer_dims){.n = 1,
                                 .ih = 1,
                                 .iw = 6,
                                 .ic = 1,
                                 .oh = 1,
                                 .ow = 3,
                                 .oc = 1,
                                 .kh = 1,
                                 .kw = 2,
                                 .stride_h = 1,
                                 .stride_w = 2};
    max_pool_plain.run_task(&args, 0, NULL);
    assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 6);
}

static void test_softmax(void **state)
{
    (void)state;
    struct random random = {9};
    for (int64_t channels = 1; channels < 320; channels = 2 * channels + 1) {
        struct trial t = {.kind = LAYER_SOFTMAX, .x_extra = 1, .y_extra = 2};
        t.d = (struct layer_dims){.n = 2, .ih = 3, .iw = 5, .ic = channels, .oh = 3, .ow = 5, .oc = channels};
        try_all_variants(&t, &random);
    }
    /* Large inputs do not overflow. */
    const float x[3] = {1000, 1000, -1000};
    float y[3];
    struct layer_args args = {.x = x, .x_stride = 3, .y = y, .y_stride = 3};
    args.d = (struct layer_dims){.n = 1, .ih = 1, .iw = 1, .ic = 3, .oh = 1, .ow = 1, .oc = 3};
    softmax_plain.run_task(&args, 0, NULL);
    assert_true(y[0] == 0.5F && y[1] == 0.5F && y[2] == 0);
}

static void test_pad_and_crop(void **state)
{
    (void)state;
    struct random random = {10};
    for (int64_t h = -2; h <= 3; h++)
        for (int64_t w = -2; w <= 3; w++) {
            struct trial t = {.kind = LAYER_PAD, .x_extra = 1, .y_extra = 4};
            t.d = (struct layer_dims){.n = 2, .ih = 5, .iw = 4, .ic = 3, .oh = 5 + h, .ow = 4 + w, .oc = 3};
            t.d.pad_h = h / 2, t.d.pad_w = w / 2;
            try_all_variants(&t, &random);
        }
}

static void test_bilinear(void **state)
{
    (void)state;
    struct random random = {11};
    static const int64_t sizes[][4] = {{1, 1, 4, 4}, {1, 1, 7, 3}, {2, 3, 4, 6},   {5, 4, 13, 9},
                                       {9, 8, 3, 5}, {4, 4, 1, 1}, {13, 9, 97, 65}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int align = 0; align < 2; align++)
            for (int64_t channels = 1; channels < 30; channels += 20) {
                struct trial t = {.kind = LAYER_BILINEAR, .x_extra = align, .y_extra = channels % 3};
                t.d = (struct layer_dims){.n = 2,
                                          .ih = sizes[s][0],
                                          .iw = sizes[s][1],
                                          .ic = channels,
                                          .oh = sizes[s][2],
                                          .ow = sizes[s][3],
                                          .oc = channels,
                                          .align_corners = align};
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

/* What bands rely on: with equal inputs, rows of a product whose places agree modulo LAYER_TILE_PERIOD are
 * equal to the last bit, for the block heights that conv2d_gemm uses. */
static void test_gemm_rows_repeat(void **state)
{
    (void)state;
    need_kernels(LIMN_KERNELS_OPENBLAS);
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

/* That the shapes above leave no variant out: it would be chosen one day and never have been tested. A limn
 * built without OpenBLAS runs none of its variants, and bf16 only applies where its products are fast. */
static void test_every_variant_was_tried(void **state)
{
    (void)state;
    for (int kind = 0; kind < LAYER_COUNT; kind++)
        for (int v = 0; layer_operators[kind].variants[v]; v++) {
            const struct layer_variant *variant = layer_operators[kind].variants[v];
            bool expected = variant->family != FAMILY_OPENBLAS || gemm_available();
            if (multiplies_parts(variant))
                expected = simd()->bf16_rate > (strstr(variant->name, "bf16x") ? 2 : 1);
            if (variant_was_tried((enum layer_kind)kind, v) != expected)
                fail_with("%s: %s was%s tried", isa_name(running_isa), variant->name, expected ? " not" : "");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv2d_windows),
        cmocka_unit_test(test_conv2d_epilogues),
        cmocka_unit_test(test_conv2d_channels),
        cmocka_unit_test(test_conv2d_deep),
        cmocka_unit_test(test_conv2d_long_chains),
        cmocka_unit_test(test_conv2d_winograd),
        cmocka_unit_test(test_conv2d_winograd_bf16),
        cmocka_unit_test(test_conv2d_parts),
        cmocka_unit_test(test_conv2d_transpose_winograd),
        cmocka_unit_test(test_conv2d_transpose_parts),
        cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_enlargements),
        cmocka_unit_test(test_conv2d_transpose),
        cmocka_unit_test(test_few_outputs),
        cmocka_unit_test(test_full_columns),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_max_pool_keeps_nan),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_pad_and_crop),
        cmocka_unit_test(test_bilinear),
        cmocka_unit_test(test_relu_keeps_nan),
        cmocka_unit_test(test_gemm_rows_repeat),
        cmocka_unit_test(test_every_variant_was_tried), /* the last */
    };
    return run_on_every_isa(tests, sizeof tests / sizeof *tests);
}
