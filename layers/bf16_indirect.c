/* bf16_indirect.c - see bf16_indirect.h. */
#include "layers/bf16_indirect.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    PIXELS = INDIRECT_PIXELS,
    SLICE = 16, /* steps: 512 terms */
    CHUNK = 4,  /* steps: 128 terms */
    TASKS_WANTED = 16,
    C_PANEL = PIXELS * BF16_SIDE, /* floats of C */
};

/* ---- sizes ------------------------------------------------------------------------------- */

static int64_t tap_steps(const struct layer_dims *d)
{
    return divide_up(d->ic, BF16_STEP);
}

static int64_t all_steps(const struct layer_dims *d)
{
    return d->kh * d->kw * tap_steps(d);
}

static int64_t panels_of(const struct layer_dims *d)
{
    return divide_up(d->oc, BF16_SIDE);
}

/* Packed bytes of a step of a panel. */
static size_t step_bytes(struct bf16_form form)
{
    return form.lean ? BF16_PART * sizeof(float) : (size_t)form.parts * BF16_PART * sizeof(uint16_t);
}

/* Products of parts that take the place of one product of floats. */
static int products(int parts)
{
    return parts * (parts + 1) / 2;
}

bool bf16_indirect_applies(struct bf16_form form, const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = BF16_STEP, PIXELS_LEAST = 2 * BF16_SIDE };
    return d->ic >= CHANNELS_LEAST && d->oc >= CHANNELS_LEAST && d->n * d->oh * d->ow >= PIXELS_LEAST &&
           products(form.parts) < simd()->bf16_rate;
}

/* ---- weights ----------------------------------------------------------------------------- */

struct layer_span bf16_indirect_pack_span(const struct layer_dims *d, int64_t task)
{
    int64_t first = task * BF16_SIDE;
    return (struct layer_span){AXIS_OUTPUT, first, smaller(BF16_SIDE, d->oc - first)};
}

/* A panel: [KH*KW][steps of a tap], each step in parts, or lean as 32 x 32 floats. */
void bf16_indirect_pack_task(struct bf16_form form, const struct layer_dims *d, const struct layer_weights *w,
                             void *packed, int64_t task)
{
    float b[BF16_PART];
    struct layer_span span = bf16_indirect_pack_span(d, task);
    unsigned char *panel = (unsigned char *)packed + size_product(task * all_steps(d), step_bytes(form));
    /* The taps of a few channels are neighbours in the file: they stay in cache until all are packed. */
    for (int64_t step = 0; step < tap_steps(d); step++)
        for (int64_t tap = 0; tap < d->kh * d->kw; tap++) {
            int64_t ic = step * BF16_STEP, inputs = smaller(BF16_STEP, d->ic - ic);
            void *to = panel + (size_t)(tap * tap_steps(d) + step) * step_bytes(form);
            memset(b, 0, sizeof b);
            panel_taps(w, span, ic, inputs, tap / d->kw, tap % d->kw, BF16_SIDE, b, BF16_SIDE);
            if (form.lean)
                memcpy(to, b, sizeof b);
            else
                simd()->split_weights(form.parts, b, BF16_STEP, to);
        }
}

/* ---- tasks ------------------------------------------------------------------------------- */

static int64_t block_count(const struct layer_dims *d)
{
    return divide_up(d->n * d->oh * d->ow, PIXELS);
}

/* In a small picture the panels are divided among tasks too. */
static int64_t group_count(const struct layer_dims *d)
{
    int64_t blocks = block_count(d);
    return blocks == 0 ? 1 : larger(1, smaller(panels_of(d), TASKS_WANTED / blocks));
}

/* The workspace of a task. */
struct block {
    struct indirect_rows x;
    uint16_t *a;  /* [PIXELS / 32][SLICE], steps in parts */
    uint16_t *b;  /* [CHUNK], steps in parts: lean */
    float *c;     /* [panels][PIXELS][32] */
    size_t bytes; /* of all */
};

static void *take(unsigned char *workspace, size_t *used, size_t bytes)
{
    void *at = workspace ? workspace + *used : NULL;
    *used = size_sum(*used, whole_lines(bytes));
    return at;
}

static struct block lay_out(struct bf16_form form, const struct layer_dims *d, void *workspace)
{
    size_t used = 0, step = (size_t)form.parts * BF16_PART * sizeof(uint16_t);
    int64_t kept = all_steps(d) > SLICE ? panels_of(d) : 1;
    struct block block;
    block.a = take(workspace, &used, step * SLICE * (PIXELS / BF16_SIDE));
    block.b = take(workspace, &used, form.lean ? step * CHUNK : 0);
    block.c = take(workspace, &used, float_bytes(kept * C_PANEL));
    block.x.rows = take(workspace, &used, size_product(d->kh * d->kw * PIXELS, sizeof *block.x.rows));
    block.x.pixels = take(workspace, &used, PIXELS * sizeof *block.x.pixels);
    block.x.zeros = take(workspace, &used, float_bytes(d->ic));
    block.x.gathered = NULL;
    block.bytes = used;
    return block;
}

struct layer_needs bf16_indirect_needs(struct bf16_form form, const struct layer_dims *d)
{
    return (struct layer_needs){.pack_tasks = panels_of(d),
                                .run_tasks = block_count(d) * group_count(d),
                                .packed_bytes = size_product(panels_of(d) * all_steps(d), step_bytes(form)),
                                .workspace_bytes = lay_out(form, d, NULL).bytes};
}

/* ---- products ---------------------------------------------------------------------------- */

struct run {
    struct bf16_form form;
    const struct layer_dims *d;
    const struct layer_args *args;
    const unsigned char *packed;
    struct block block;
    int64_t count; /* pixels */
};

/* Steps first .. first+count-1 of all taps. */
struct slice {
    int64_t first, count;
};

static uint16_t *a_of(const struct run *run, int64_t pixel, int64_t step)
{
    int64_t steps = pixel / BF16_SIDE * SLICE + step;
    return run->block.a + steps * run->form.parts * BF16_PART + pixel % BF16_SIDE * BF16_STEP;
}

/* Splits the inputs of a slice, for whole blocks of 32 pixels. */
static void split_inputs(const struct run *run, struct slice slice)
{
    int64_t each = tap_steps(run->d), end = slice.first + slice.count, steps;
    for (int64_t step = slice.first; step < end; step += steps) {
        int64_t tap = step / each, ic = step % each * BF16_STEP;
        steps = smaller(end - step, each - step % each);
        for (int64_t pixel = 0; pixel < round_up(run->count, BF16_SIDE); pixel++)
            simd()->split_rows(run->form.parts, run->block.x.rows[tap * PIXELS + pixel] + ic,
                               smaller(steps * BF16_STEP, run->d->ic - ic),
                               a_of(run, pixel, step - slice.first));
    }
}

/* Whether any of the 32 pixels from `pixel` on reads the picture in some steps. */
static bool sees(const struct run *run, int64_t pixel, int64_t first, int64_t count)
{
    for (int64_t tap = first / tap_steps(run->d); tap <= (first + count - 1) / tap_steps(run->d); tap++)
        if (indirect_sees(run->block.x.rows + tap * PIXELS + pixel, BF16_SIDE, run->block.x.zeros))
            return true;
    return false;
}

/* A slice of a panel, for all pixels. */
static void multiply_panel(const struct run *run, struct slice slice, int64_t panel, float *c)
{
    size_t each = step_bytes(run->form);
    const unsigned char *b = run->packed + (size_t)(panel * all_steps(run->d) + slice.first) * each;
    for (int64_t step = 0, steps; step < slice.count; step += steps, b += (size_t)steps * each) {
        steps = smaller(CHUNK, slice.count - step);
        struct bf16_block block = {.b = (const void *)b, .steps = steps, .c_stride = BF16_SIDE};
        block.add = slice.first + step > 0;
        if (run->form.lean) {
            simd()->split_weights(run->form.parts, (const void *)b, steps * BF16_STEP, run->block.b);
            block.b = run->block.b;
        }
        for (int64_t pixel = 0; pixel < run->count; pixel += BF16_SIDE) {
            block.a = a_of(run, pixel, step);
            block.c = c + pixel * BF16_SIDE;
            if (!block.add || sees(run, pixel, slice.first + step, steps))
                simd()->bf16->multiply[run->form.parts](&block);
        }
    }
}

static void finish_panel(const struct run *run, int64_t panel, const float *c)
{
    struct layer_span span = bf16_indirect_pack_span(run->d, panel);
    struct epilogue epilogue = epilogue_slice(&run->args->epilogue, span.first);
    struct simd_outputs to = {&epilogue, run->args->y + span.first, run->args->y_stride, run->block.x.pixels};
    simd()->finish(c, BF16_SIDE, run->count, span.count, &to);
}

/* The panels first .. end-1. */
static void run_panels(const struct run *run, int64_t first, int64_t end)
{
    int64_t all = all_steps(run->d);
    if (all == 0) { /* a phase of a transposed convolution without taps */
        memset(run->block.c, 0, float_bytes(C_PANEL));
        for (int64_t panel = first; panel < end; panel++)
            finish_panel(run, panel, run->block.c);
    }
    for (int64_t step = 0; step < all; step += SLICE) {
        struct slice slice = {step, smaller(SLICE, all - step)};
        split_inputs(run, slice);
        for (int64_t panel = first; panel < end; panel++) {
            float *c = run->block.c + (all > SLICE ? panel * C_PANEL : 0);
            multiply_panel(run, slice, panel, c);
            if (step + SLICE >= all)
                finish_panel(run, panel, c);
        }
    }
}

void bf16_indirect_run_task(struct bf16_form form, const struct indirect_layer *layer,
                            const struct layer_args *args, const void *packed, int64_t task, void *workspace)
{
    const struct layer_dims *d = &layer->dims;
    int64_t groups = group_count(d), group = task % groups, first = task / groups * PIXELS;
    struct run run = {form, d, args, packed, lay_out(form, d, workspace), 0};
    run.count = smaller(PIXELS, d->n * d->oh * d->ow - first);
    memset(run.block.x.zeros, 0, float_bytes(d->ic));
    indirect_find_rows(layer, args, first, run.count, &run.block.x);
    uint64_t state = simd()->bf16->start();
    run_panels(&run, group * panels_of(d) / groups, (group + 1) * panels_of(d) / groups);
    simd()->bf16->end(state);
}
