/* conv2d_winograd_bf16.c - convolution of 3x3 by Winograd's algorithm on products of bf16 parts, for matrix
 * tiles. The equation is conv2d.c's, the algorithm winograd.h's F(4,3), the arithmetic bf16.h's.
 *
 *     conv2d_winograd_bf16x3   as exact as conv2d_winograd: chosen by itself
 *     conv2d_winograd_bf16x2   for precision bf16x2: error up to 4e-5 of the largest output, 8 to 10 times
 *                              that of conv2d_bf16x2
 *
 * There is no form with one part. The transforms enlarge the error of bf16, 2e-3 of the largest output, to
 * 2e-2, and on matrix tiles the direct form, conv2d_bf16, takes less time than the transforms do.
 *
 * V is split into parts where it is transformed, U when weights are packed. With P parts of each number, and
 * the input channels in steps of 32 (bf16.h):
 *
 *     V   [block][36][tiles][steps][P][32]
 *     U   [panel][36][steps][P][32][32]                a panel is 32 output channels
 *     M   [panel of a group][36][tiles][32], in floats
 *
 * V of a block, 4 or 6 bytes a number, is larger than L2, but one position of it is not. So each position is
 * multiplied by all panels of a group before the next one.
 *
 * A run task is a block of tiles in all groups. Where there are few blocks, the prepare tasks make all of V
 * first, and a run task is a block in one group. */
#include "layers/bf16_indirect.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"
#include "layers/winograd.h"

#include <string.h>

enum {
    GROUP = 4,  /* panels */
    CHUNK = 12, /* steps of one part of U that stay in L1: 24 KB */
    TASKS_WANTED = 16,
    PREPARE_TILES = 8, /* of a prepare task: a divisor of a block's tiles */
    SLICE = 128,       /* input channels of a tile that are transformed, then split, at a time */
    SLICE_STRIDE = SLICE + LINE_FLOATS, /* with gaps, as in winograd_stride */
    HALF = BF16_SIDE / 2,
    TAPS = 9,
};

/* A layer, and sizes that follow from its dimensions. */
struct split_layer {
    struct winograd_layer layer;
    int parts;
    int64_t positions, steps, panels, groups;
    int64_t tiles, blocks; /* tiles of a block */
    int64_t row, v_stride; /* numbers between tiles of V, and between positions */
    int64_t u_stride;      /* numbers between positions */
    int64_t m_stride;      /* floats */
};

static struct split_layer layer_of(int parts, const struct layer_dims *d)
{
    struct split_layer s = {.layer = winograd_conv2d(WINOGRAD_4_3, d), .parts = parts};
    int64_t tiles = winograd_tiles(&s.layer);
    s.positions = s.layer.kernels->points * s.layer.kernels->points;
    s.steps = divide_up(d->ic, BF16_STEP);
    s.panels = divide_up(d->oc, BF16_SIDE);
    s.groups = divide_up(s.panels, GROUP);
    s.tiles = round_up(divide_up(tiles, divide_up(tiles, WINOGRAD_TILES)), BF16_SIDE);
    s.blocks = divide_up(tiles, s.tiles);
    s.row = (s.steps * parts | 1) * BF16_STEP; /* an odd number of lines */
    s.v_stride = (s.tiles * s.row / BF16_STEP | 1) * BF16_STEP;
    s.u_stride = s.steps * parts * BF16_PART;
    s.m_stride = winograd_stride(s.tiles, BF16_SIDE);
    return s;
}

static size_t v_bytes(const struct split_layer *s)
{
    return size_product(s->positions * s->v_stride, sizeof(uint16_t));
}

static uint16_t *v_of(const struct split_layer *s, void *v, int64_t block)
{
    return (uint16_t *)v + block * s->positions * s->v_stride;
}

/* Bytes of V of all blocks, or 0 if each task makes its own. */
static size_t shared_bytes(const struct split_layer *s)
{
    const size_t most = (size_t)32 << 20;
    size_t bytes = size_product(s->blocks, v_bytes(s));
    return s->blocks < TASKS_WANTED && bytes <= most ? bytes : 0;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* Input channels p and p + 16 of a step, 16 columns: a line of a tile of U at each position. split_row makes
 * pairs of the numbers c and c + 16 of a row, which here are those of the two channels. */
static void pack_pair(const struct split_layer *s, const float *low, const float *high, uint16_t *to)
{
    float u[WINOGRAD_POSITIONS * BF16_STEP];
    uint16_t line[BF16_PARTS_MOST][BF16_STEP];
    s->layer.kernels->weights(low, HALF, u, BF16_STEP);
    s->layer.kernels->weights(high, HALF, u + HALF, BF16_STEP);
    for (int64_t position = 0; position < s->positions; position++) {
        simd()->split_row(s->parts, u + position * BF16_STEP, BF16_STEP, line[0]);
        for (int part = 0; part < s->parts; part++)
            memcpy(to + position * s->u_stride + part * BF16_PART, line[part], sizeof line[part]);
    }
}

/* A step, 16 columns: those of `span`, then zeros. */
static void pack_step(const struct split_layer *s, const struct layer_weights *w, struct layer_span span,
                      int64_t ic, uint16_t *to)
{
    float taps[BF16_STEP][TAPS * HALF];
    memset(taps, 0, sizeof taps);
    for (int64_t tap = 0; span.count > 0 && tap < TAPS; tap++)
        panel_taps(w, span, ic, smaller(BF16_STEP, s->layer.ic - ic), tap / 3, tap % 3, HALF,
                   taps[0] + tap * HALF, TAPS * HALF);
    for (int64_t pair = 0; pair < BF16_STEP / 2; pair++)
        pack_pair(s, taps[pair], taps[pair + BF16_STEP / 2], to + pair * 2 * HALF);
}

static void pack_task(int parts, const struct layer_dims *d, const struct layer_weights *w, void *packed,
                      int64_t task)
{
    struct split_layer s = layer_of(parts, d);
    struct layer_span panel = bf16_pack_span(d, task);
    uint16_t *u = (uint16_t *)packed + task * s.positions * s.u_stride;
    for (int64_t c = 0; c < BF16_SIDE; c += HALF, u += BF16_PART / 2) {
        struct layer_span span = {AXIS_OUTPUT, panel.first + c, smaller(HALF, panel.count - c)};
        struct layer_weights from = *w;
        from.data += c * w->stride_o;
        for (int64_t step = 0; step < s.steps; step++)
            pack_step(&s, &from, span, step * BF16_STEP, u + step * parts * BF16_PART);
    }
}

/* ---- inputs ------------------------------------------------------------------------------ */

/* Of a slice, and a run of zeros. */
static size_t input_bytes(const struct split_layer *s)
{
    return float_bytes(s->positions * SLICE_STRIDE + winograd_width(s->layer.ic));
}

/* V of one tile: to v, its row at the first position. */
static void transform_tile(const struct split_layer *s, const float **at, float *slice, uint16_t *v)
{
    for (int64_t ic = 0; ic < s->layer.ic; ic += SLICE, v += SLICE * s->parts) {
        int64_t channels = smaller(SLICE, s->layer.ic - ic);
        s->layer.kernels->input(at, channels, slice, SLICE_STRIDE);
        for (int64_t position = 0; position < s->positions; position++) {
            simd()->split_row(s->parts, slice + position * SLICE_STRIDE, channels,
                              v + position * s->v_stride);
            at[position] += SLICE;
        }
    }
}

/* V of `count` tiles from `first` on, all in one block: to v, the V of that block. */
static void transform_inputs(const struct split_layer *s, const struct layer_args *a, int64_t first,
                             int64_t count, uint16_t *v, float *slice)
{
    struct winograd_tile tiles[WINOGRAD_TILES];
    const float *at[WINOGRAD_POSITIONS];
    float *zeros = slice + s->positions * SLICE_STRIDE;
    memset(zeros, 0, float_bytes(s->layer.ic));
    winograd_find_tiles(&s->layer, first, count, tiles);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = (first + i) % s->tiles;
        winograd_find_inputs(&s->layer, a, zeros, &tiles[i], at);
        transform_tile(s, at, slice, v + row * s->row);
    }
}

static void prepare_task(int parts, const struct layer_args *a, int64_t task, void *workspace)
{
    struct split_layer s = layer_of(parts, &a->d);
    int64_t first = task * PREPARE_TILES, count = smaller(PREPARE_TILES, winograd_tiles(&s.layer) - first);
    transform_inputs(&s, a, first, count, v_of(&s, a->shared, first / s.tiles), workspace);
}

/* ---- products, and back ------------------------------------------------------------------ */

/* One position of a panel. The rows of M after the last tile are those of any numbers. */
static void multiply_position(const struct split_layer *s, int64_t tiles, const uint16_t *v,
                              const uint16_t *u, float *m)
{
    int64_t chunk = CHUNK / s->parts;
    for (int64_t step = 0; step < s->steps; step += chunk)
        for (int64_t tile = 0; tile < tiles; tile += BF16_SIDE) {
            struct bf16_block block = {.steps = smaller(chunk, s->steps - step), .c_stride = BF16_SIDE};
            block.a = v + tile * s->row + step * s->parts * BF16_STEP;
            block.a_stride = s->row;
            block.b = u + step * s->parts * BF16_PART;
            block.c = m + tile * BF16_SIDE;
            block.add = step > 0;
            simd()->bf16->multiply[s->parts](&block);
        }
}

/* M of a panel => y */
static void finish_panel(const struct split_layer *s, const struct layer_args *a,
                         const struct winograd_tile *tiles, int64_t count, int64_t panel, const float *m)
{
    int64_t pixels[WINOGRAD_POSITIONS];
    struct layer_span span = bf16_pack_span(&a->d, panel);
    struct epilogue epilogue = epilogue_slice(&a->epilogue, span.first);
    struct simd_outputs to = {&epilogue, a->y + span.first, a->y_stride, pixels};
    for (int64_t tile = 0; tile < count; tile++) {
        winograd_find_outputs(&s->layer, &tiles[tile], pixels);
        s->layer.kernels->output(m + tile * BF16_SIDE, s->m_stride, span.count, &to);
    }
}

/* The outputs of `count` tiles, from `first` on, a block, in the channels of a group. */
static void run_group(const struct split_layer *s, const struct layer_args *a, int64_t first, int64_t count,
                      int64_t group, const uint16_t *v, float *m)
{
    struct winograd_tile tiles[WINOGRAD_TILES];
    int64_t begin = group * GROUP, end = smaller(begin + GROUP, s->panels), each = s->positions * s->m_stride;
    const uint16_t *u = a->packed;
    uint64_t state = simd()->bf16->start();
    for (int64_t position = 0; position < s->positions; position++)
        for (int64_t panel = begin; panel < end; panel++)
            multiply_position(s, count, v + position * s->v_stride,
                              u + (panel * s->positions + position) * s->u_stride,
                              m + (panel - begin) * each + position * s->m_stride);
    simd()->bf16->end(state);
    winograd_find_tiles(&s->layer, first, count, tiles);
    for (int64_t panel = begin; panel < end; panel++)
        finish_panel(s, a, tiles, count, panel, m + (panel - begin) * each);
}

/* Workspace: what transform_inputs or run_group needs, and V if that is not shared. */
static struct layer_needs needs(int parts, const struct layer_dims *d)
{
    struct split_layer s = layer_of(parts, d);
    size_t shared = shared_bytes(&s), input = input_bytes(&s);
    size_t m = float_bytes(smaller(GROUP, s.panels) * s.positions * s.m_stride);
    return (struct layer_needs){
        .pack_tasks = s.panels,
        .prepare_tasks = shared ? divide_up(winograd_tiles(&s.layer), PREPARE_TILES) : 0,
        .run_tasks = s.blocks * (shared ? s.groups : 1),
        .packed_bytes = size_product(s.panels * s.positions * s.u_stride, sizeof(uint16_t)),
        .shared_bytes = shared,
        .workspace_bytes = size_sum(shared ? 0 : v_bytes(&s), input > m ? input : m)};
}

static void run_task(int parts, const struct layer_args *a, int64_t task, void *workspace)
{
    struct split_layer s = layer_of(parts, &a->d);
    bool shared = shared_bytes(&s) > 0;
    int64_t block = shared ? task / s.groups : task, first = block * s.tiles;
    int64_t count = smaller(s.tiles, winograd_tiles(&s.layer) - first);
    if (shared) {
        run_group(&s, a, first, count, task % s.groups, v_of(&s, a->shared, block), workspace);
        return;
    }
    float *scratch = (void *)v_of(&s, workspace, 1);
    transform_inputs(&s, a, first, count, workspace, scratch);
    for (int64_t group = 0; group < s.groups; group++)
        run_group(&s, a, first, count, group, workspace, scratch);
}

/* ---- variants ---------------------------------------------------------------------------- */

/* Products grow with IC OC, transforms and splitting with IC + OC: with 128 channels each they take nearly as
 * long as all of conv2d_winograd. A single block would read U, 4 times the weights in parts, for few
 * products; and where F(3,3) has fewer products, so much of the tiles is outside that a direct form is as
 * fast. */
static bool applies(const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = 192, RATE_LEAST = 8 };
    return conv2d_winograd.applies(d) && !conv2d_winograd_small.applies(d) && d->kh == 3 &&
           2 * d->ic * d->oc >= CHANNELS_LEAST * (d->ic + d->oc) && simd()->bf16_rate >= RATE_LEAST;
}

#define VARIANT(form, parts, numbers, worse)                                                                 \
    static struct layer_needs needs_##form(const struct layer_dims *d)                                       \
    {                                                                                                        \
        return needs(parts, d);                                                                              \
    }                                                                                                        \
    static void pack_##form(const struct layer_dims *d, const struct layer_weights *w, void *packed,         \
                            int64_t task)                                                                    \
    {                                                                                                        \
        pack_task(parts, d, w, packed, task);                                                                \
    }                                                                                                        \
    static void prepare_##form(const struct layer_args *a, int64_t task, void *workspace)                    \
    {                                                                                                        \
        prepare_task(parts, a, task, workspace);                                                             \
    }                                                                                                        \
    static void run_##form(const struct layer_args *a, int64_t task, void *workspace)                        \
    {                                                                                                        \
        run_task(parts, a, task, workspace);                                                                 \
    }                                                                                                        \
    const struct layer_variant conv2d_winograd_##form = {                                                    \
        .name = "conv2d_winograd_" #form,                                                                    \
        .family = FAMILY_NATIVE,                                                                             \
        .precision = PRECISION_##numbers,                                                                    \
        .in_place = true,                                                                                    \
        .error = (worse),                                                                                    \
        .applies = applies,                                                                                  \
        .needs = needs_##form,                                                                               \
        .pack_task = pack_##form,                                                                            \
        .pack_span = bf16_pack_span,                                                                         \
        .prepare_task = prepare_##form,                                                                      \
        .run_task = run_##form,                                                                              \
    };

/* The chains of sums are as long as all input channels. With 256 and 512 of them the error of three parts is
 * 0.4 to 0.7 of that of conv2d_winograd, which cuts its chains; with 2000 it is 1.8 of that. */
VARIANT(bf16x3, 3, FP32, 8)
VARIANT(bf16x2, 2, BF16X2, 1 << 7)
