/* bf16_indirect.c - see bf16_indirect.h. */
#include "layers/bf16_indirect.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    PIXELS = INDIRECT_PIXELS,
    SLICE_PARTS = 64, /* steps of a slice times parts: A takes 399 KB */
    CHUNK = 4,        /* steps: 128 terms */
    STRIP = 8,        /* panels: pixels of y are written 1 KB at a time */
    TASKS_WANTED = 16,
    LINE_NUMBERS = LINE_BYTES / sizeof(uint16_t),
};

struct form {
    int parts; /* of each number: see bf16.h */
    bool lean;
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
static size_t step_bytes(struct form form)
{
    return form.lean ? BF16_PART * sizeof(float) : (size_t)form.parts * BF16_PART * sizeof(uint16_t);
}

/* Products of parts that take the place of one product of floats. */
static int products(int parts)
{
    return parts * (parts + 1) / 2;
}

/* Steps that are split at a time. */
static int64_t slice_steps(struct form form)
{
    return SLICE_PARTS / form.parts;
}

bool bf16_indirect_applies(int parts, int fewer, const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = BF16_STEP, PIXELS_LEAST = 2 * BF16_SIDE };
    return d->ic >= CHANNELS_LEAST && d->oc >= CHANNELS_LEAST && d->n * d->oh * d->ow >= PIXELS_LEAST &&
           products(parts) * fewer < simd()->bf16_rate;
}

/* ---- weights ----------------------------------------------------------------------------- */

struct layer_span bf16_pack_span(const struct layer_dims *d, int64_t task)
{
    int64_t first = task * BF16_SIDE;
    return (struct layer_span){AXIS_OUTPUT, first, smaller(BF16_SIDE, d->oc - first)};
}

/* A panel: [KH*KW][steps of a tap], each step in parts, or lean as 32 x 32 floats. */
static void pack_task(struct form form, const struct layer_dims *d, const struct layer_weights *w,
                      void *packed, int64_t task)
{
    float b[BF16_PART];
    struct layer_span span = bf16_pack_span(d, task);
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

/* The workspace of a task. Rows of A and C have a line more than they need: if their distances were powers
 * of two they would share a few sets of the caches. */
struct block {
    struct indirect_rows x;
    uint16_t *a; /* [PIXELS][a_stride]: the steps of a slice, in parts */
    int64_t a_stride;
    uint16_t *b; /* [CHUNK], steps in parts: lean */
    float *c;    /* [PIXELS][c_stride]: of all panels if there are several slices, else of a strip */
    int64_t c_stride;
};

/* Sets *block, unless it is NULL, and returns the bytes of the workspace. */
static size_t lay_out(struct form form, const struct layer_dims *d, unsigned char *workspace,
                      struct block *block)
{
    int64_t steps = smaller(slice_steps(form), all_steps(d));
    int64_t kept = all_steps(d) > steps ? panels_of(d) : smaller(STRIP, panels_of(d));
    int64_t a_stride = steps * form.parts * BF16_STEP + LINE_NUMBERS;
    int64_t c_stride = kept * BF16_SIDE + LINE_FLOATS;
    size_t a = size_product(PIXELS * a_stride, sizeof(uint16_t));
    size_t b = form.lean ? (size_t)form.parts * CHUNK * BF16_PART * sizeof(uint16_t) : 0;
    size_t c = float_bytes(PIXELS * c_stride), zeros = whole_lines(float_bytes(d->ic));
    size_t rows = size_product(d->kh * d->kw * PIXELS, sizeof *block->x.rows);
    size_t pixels = PIXELS * sizeof *block->x.pixels;
    if (block) {
        unsigned char *at = workspace;
        *block = (struct block){.a_stride = a_stride, .c_stride = c_stride};
        block->a = (void *)at;
        block->b = (void *)(at += a);
        block->c = (void *)(at += b);
        block->x.zeros = (void *)(at += c);
        block->x.rows = (void *)(at += zeros);
        block->x.pixels = (void *)(at + rows);
    }
    return size_sum(size_sum(size_sum(a, b), size_sum(c, zeros)), size_sum(rows, pixels));
}

static struct layer_needs needs(struct form form, const struct layer_dims *d)
{
    return (struct layer_needs){.pack_tasks = panels_of(d),
                                .run_tasks = block_count(d) * group_count(d),
                                .packed_bytes = size_product(panels_of(d) * all_steps(d), step_bytes(form)),
                                .workspace_bytes = lay_out(form, d, NULL, NULL)};
}

/* ---- products ---------------------------------------------------------------------------- */

struct run {
    struct form form;
    const struct layer_dims *d;
    const struct layer_args *args;
    const unsigned char *packed;
    struct block block;
    int64_t count;     /* pixels */
    int64_t apart;     /* the distance between neighbours in y, in pixels */
    bool whole;        /* the task has all panels */
    const float *next; /* the next block of x where x is a matrix, else NULL */
};

/* Steps first .. first+count-1 of all taps. */
struct slice {
    int64_t first, count;
};

static uint16_t *a_of(const struct run *run, int64_t pixel, int64_t step)
{
    return run->block.a + pixel * run->block.a_stride + step * run->form.parts * BF16_STEP;
}

/* Splits the inputs of a slice, for whole blocks of 32 pixels. */
static void split_inputs(const struct run *run, struct slice slice)
{
    int64_t each = tap_steps(run->d), end = slice.first + slice.count, steps;
    for (int64_t step = slice.first; step < end; step += steps) {
        int64_t tap = step / each, ic = step % each * BF16_STEP;
        steps = smaller(end - step, each - step % each);
        for (int64_t pixel = 0; pixel < round_up(run->count, BF16_SIDE); pixel++)
            simd()->split_row(run->form.parts, run->block.x.rows[tap * PIXELS + pixel] + ic,
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

/* Products prefetch what is read after them: memory then takes almost no time, else up to half of that of the
 * products. While a strip is completed, each 8 rows of a product fetch a pixel of it, and of the residual. */
static void fetch_outputs(const struct run *run, int64_t strip, int64_t row, struct bf16_block *block)
{
    const struct layer_args *a = run->args;
    const struct epilogue *e = &a->epilogue;
    int64_t pixel = run->block.x.pixels[smaller(row, run->count - 1)], oc = strip * BF16_SIDE;
    int64_t lines = divide_up(STRIP * BF16_SIDE / LINE_FLOATS, block->steps);
    if (e->residual != a->y)
        block->ahead[block->ahead_count++] =
            (struct bf16_ahead){a->y + pixel * a->y_stride + oc, run->apart * a->y_stride, lines};
    if (e->residual)
        block->ahead[block->ahead_count++] = (struct bf16_ahead){
            e->residual + pixel * e->residual_stride + oc, run->apart * e->residual_stride, lines};
}

/* The products of all panels together fetch the next block of x. */
static void fetch_inputs(const struct run *run, int64_t rows, int64_t step, struct bf16_block *block)
{
    int64_t lines = BF16_AHEAD_ROWS * BF16_STEP / LINE_FLOATS / panels_of(run->d), all = all_steps(run->d);
    block->ahead[block->ahead_count++] = (struct bf16_ahead){
        run->next + (rows * all + step) * lines * LINE_FLOATS, all * lines * LINE_FLOATS, lines};
}

/* `step` counts from the first of the layer. */
static void fetch_ahead(const struct run *run, int64_t panel, int64_t pixel, int64_t step,
                        struct bf16_block *block)
{
    int64_t strip = panel - panel % STRIP;
    bool completes = step + block->steps == all_steps(run->d);
    block->ahead_count = 0;
    if (run->whole && completes && (strip + STRIP) * BF16_SIDE <= run->d->oc)
        fetch_outputs(run, strip, ((panel - strip) * PIXELS + pixel) / BF16_AHEAD_ROWS, block);
    if (run->whole && run->next)
        fetch_inputs(run, (panel * PIXELS + pixel) / BF16_AHEAD_ROWS, step, block);
}

/* A slice of a panel, for all pixels. */
static void multiply_panel(const struct run *run, struct slice slice, int64_t panel, float *c)
{
    size_t each = step_bytes(run->form);
    const unsigned char *b = run->packed + (size_t)(panel * all_steps(run->d) + slice.first) * each;
    for (int64_t step = 0, steps; step < slice.count; step += steps, b += (size_t)steps * each) {
        steps = smaller(CHUNK, slice.count - step);
        struct bf16_block block = {.b = (const void *)b, .steps = steps};
        block.a_stride = run->block.a_stride, block.c_stride = run->block.c_stride;
        block.add = slice.first + step > 0;
        if (run->form.lean) {
            simd()->split_weights(run->form.parts, (const void *)b, steps * BF16_STEP, run->block.b);
            block.b = run->block.b;
        }
        for (int64_t pixel = 0; pixel < run->count; pixel += BF16_SIDE) {
            block.a = a_of(run, pixel, step);
            block.c = c + pixel * block.c_stride;
            fetch_ahead(run, panel, pixel, slice.first + step, &block);
            if (!block.add || sees(run, pixel, slice.first + step, steps))
                simd()->bf16->multiply[run->form.parts](&block);
        }
    }
}

static void finish_panels(const struct run *run, int64_t first, int64_t end, const float *c)
{
    int64_t oc = first * BF16_SIDE;
    struct epilogue epilogue = epilogue_slice(&run->args->epilogue, oc);
    struct simd_outputs to = {&epilogue, run->args->y + oc, run->args->y_stride, run->block.x.pixels};
    simd()->finish(c, run->block.c_stride, run->count, smaller(end * BF16_SIDE, run->d->oc) - oc, &to);
}

/* The panels first .. end-1 of a slice. */
static void run_slice(const struct run *run, struct slice slice, int64_t first, int64_t end)
{
    bool last = slice.first + slice.count == all_steps(run->d), only = last && slice.first == 0;
    for (int64_t strip = first; strip < end; strip += STRIP) {
        int64_t strip_end = smaller(strip + STRIP, end);
        float *c = run->block.c + (only ? 0 : strip * BF16_SIDE);
        for (int64_t panel = strip; panel < strip_end; panel++)
            multiply_panel(run, slice, panel, c + (panel - strip) * BF16_SIDE);
        if (last)
            finish_panels(run, strip, strip_end, c);
    }
}

static void run_panels(const struct run *run, int64_t first, int64_t end)
{
    int64_t all = all_steps(run->d), steps = slice_steps(run->form);
    if (all == 0) /* a phase of a transposed convolution without taps */
        memset(run->block.c, 0, float_bytes(PIXELS * run->block.c_stride));
    for (int64_t step = 0; step < larger(all, 1); step += steps) {
        struct slice slice = {step, smaller(steps, all - step)};
        split_inputs(run, slice);
        run_slice(run, slice, first, end);
    }
}

static const float *next_inputs(const struct run *run, int64_t first)
{
    const struct layer_dims *d = run->d;
    bool matrix = d->kh * d->kw * d->stride_h * d->stride_w == 1 && d->pad_h == 0 && d->pad_w == 0 &&
                  run->args->x_stride == d->ic;
    bool there = first + 2 * PIXELS <= d->n * d->oh * d->ow;
    return matrix && there ? run->args->x + (first + PIXELS) * d->ic : NULL;
}

static void run_task(struct form form, const struct indirect_layer *layer, const struct layer_args *args,
                     const void *packed, int64_t task, void *workspace)
{
    const struct layer_dims *d = &layer->dims;
    int64_t groups = group_count(d), group = task % groups, first = task / groups * PIXELS;
    struct run run = {.form = form, .d = d, .args = args, .packed = packed};
    lay_out(form, d, workspace, &run.block);
    run.count = smaller(PIXELS, d->n * d->oh * d->ow - first);
    memset(run.block.x.zeros, 0, float_bytes(d->ic));
    indirect_find_rows(layer, args, first, run.count, &run.block.x);
    run.apart = layer->step_w;
    run.whole = groups == 1;
    run.next = next_inputs(&run, first);
    uint64_t state = simd()->bf16->start();
    run_panels(&run, group * panels_of(d) / groups, (group + 1) * panels_of(d) / groups);
    simd()->bf16->end(state);
}

#define FORM(name, parts, lean)                                                                              \
    struct layer_needs bf16_needs_##name(const struct layer_dims *d)                                         \
    {                                                                                                        \
        return needs((struct form){parts, lean}, d);                                                         \
    }                                                                                                        \
    void bf16_pack_task_##name(const struct layer_dims *d, const struct layer_weights *w, void *packed,      \
                               int64_t task)                                                                 \
    {                                                                                                        \
        pack_task((struct form){parts, lean}, d, w, packed, task);                                           \
    }                                                                                                        \
    void bf16_run_task_##name(const struct indirect_layer *layer, const struct layer_args *args,             \
                              const void *packed, int64_t task, void *workspace)                             \
    {                                                                                                        \
        run_task((struct form){parts, lean}, layer, args, packed, task, workspace);                          \
    }

FORM(bf16x3, 3, false)
FORM(bf16x3_lean, 3, true)
FORM(bf16x2, 2, false)
FORM(bf16, 1, false)
