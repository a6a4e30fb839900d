/* bands.c - see bands.h.
 *
 * Schedule. The steps are cut into stages where values become larger: EnhanceNet has one stage at the input's
 * size, one at twice and one at four times that. A stage runs step by step; each step makes as many rows as
 * its inputs allow, up to the stage's band. The deepest stage that can make a full band runs next; if none
 * can, rows of the input are read. So of the large values after an enlargement only a small band exists at a
 * time:
 *
 *     read 96 rows; stage 1: 96 rows; four times { stage 2: 48 rows; four times { stage 3: 24 rows } }
 *
 * The last rows of a convolution need rows below them that do not exist yet, so each value lags behind the
 * one it is made from, and rows that its readers still need are kept from one band to the next:
 *
 *                          first            made
 *     a value      . . . . |----------------|                 dots: dropped
 *                              ^ readers' next rows
 *
 * Memory. A value that is read in its own stage only has a window in the arena while the stage runs, placed
 * by plan_place among those that live at the same time, and a smaller block for the rows kept between two
 * runs of the stage. The input, and values that cross into another stage, have a window of their own for the
 * whole run. The sizes of all these come from running the schedule once without computing. */
#include "engine/run/bands.h"
#include "engine/base/memory.h"
#include "engine/base/pages.h"
#include "engine/run/band_dims.h"
#include "engine/run/pack.h"
#include "engine/run/plan.h"
#include "layers/cpu.h"
#include "layers/sizes.h"

#include <string.h>

/* The rows of one value. Rows first .. made-1 are in its window, or kept. */
struct window {
    float *rows, *kept;
    int64_t height; /* of the whole value; 0: fused into another */
    size_t row_bytes;
    int64_t first, made;
    int64_t most, most_kept; /* the most rows that are there at a time */
    int last;                /* the last step that reads it, or the one that makes it if none does */
    bool resident;           /* it has its own window, and needs no block for kept rows */
};

/* How many output rows a step makes at a time: multiples of `unit`, about `most` in one run of its stage. */
struct pace {
    int64_t unit, most;
    int stage;
};

struct bands {
    limn_model *model;
    struct plan plan;       /* of the whole picture, except memory and scratch, which are of the bands */
    struct window *windows; /* per node */
    struct pace *paces;     /* per step */
    int64_t intake;         /* rows of the input read at a time */
    size_t bytes;           /* of `memory`: the arena, then the kept rows */
    unsigned char *memory;  /* NULL: the schedule runs without computing */
    double work_done, work; /* of the current run, in operations */
};

bool bands_possible(const struct graph *graph)
{
    int inputs = 0;
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        inputs += node->role == NODE_INPUT;
        if (node->role == NODE_CONCAT || node->side ||
            (node->role == NODE_LAYER && !band_possible(node->kind)))
            return false;
    }
    value_id output = graph_maker(graph, graph->output);
    return inputs == 1 && output != NO_VALUE && node_runs(&graph->nodes[output]);
}

static struct window *output_window(const struct bands *bands)
{
    const struct graph *graph = &bands->model->graph;
    return &bands->windows[graph_maker(graph, graph->output)];
}

/* ---- planning: stages and their pace ----------------------------------------------------- */

static int64_t common_multiple(int64_t a, int64_t b)
{
    const int64_t most = INT64_MAX / 4; /* beyond any height */
    int64_t x = a, y = b;
    do {
        int64_t rest = x % y;
        x = y;
        y = rest;
    } while (y);
    return a / x > most / b ? most : a / x * b;
}

/* The number of rows whose multiples a step makes. */
static int64_t unit_of(const struct step *step)
{
    const struct layer_dims *d = &step->args.d;
    enum layer_kind kind = step_kind(step);
    int64_t unit = layer_band_rows(step->variant);
    if (kind == LAYER_CONV2D)
        unit *= d->dilation_h;
    else if (kind == LAYER_CONV2D_TRANSPOSE)
        unit *= d->stride_h;
    else if (kind == LAYER_UPSAMPLE || kind == LAYER_BICUBIC)
        unit = common_multiple(unit, d->oh / d->ih);
    while (unit * d->ow < LAYER_BAND_PIXELS)
        unit *= 2;
    return smaller(unit, d->oh);
}

/* A stage ends where the height doubles. */
static void find_stages(struct bands *bands)
{
    const struct step *steps = bands->plan.steps;
    int64_t rows = steps[0].args.d.oh;
    int stage = 0;
    for (int s = 0; s < bands->plan.step_count; s++) {
        if (steps[s].args.d.oh >= 2 * rows) {
            rows = steps[s].args.d.oh;
            stage++;
        }
        bands->paces[s] = (struct pace){.unit = unit_of(&steps[s]), .stage = stage};
    }
}

/* The band of each stage: as many pixels as `rows` rows of the input have, in a number of rows that suits all
 * of its steps. */
static void set_paces(struct bands *bands, int64_t rows)
{
    int64_t pixels = rows * bands->plan.steps[0].args.d.iw;
    for (int first = 0, end; first < bands->plan.step_count; first = end) {
        const struct layer_dims *d = &bands->plan.steps[first].args.d;
        int64_t unit = 1;
        for (end = first;
             end < bands->plan.step_count && bands->paces[end].stage == bands->paces[first].stage;)
            unit = common_multiple(unit, bands->paces[end++].unit);
        unit = smaller(unit, d->oh); /* the whole height, if no fewer rows suit all steps */
        for (int s = first; s < end; s++)
            bands->paces[s].most = divide_up(pixels, d->ow * unit) * unit;
    }
}

/* Sets `last` and `resident` of all windows. */
static void find_readers(struct bands *bands)
{
    const struct graph *graph = &bands->model->graph;
    for (int i = 0; i < graph->count; i++)
        bands->windows[i].resident = graph->nodes[i].role == NODE_INPUT;
    for (int s = 0; s < bands->plan.step_count; s++) {
        const struct step *step = &bands->plan.steps[s];
        const value_id read[] = {step->x, step->residual};
        bands->windows[step->y].last = s;
        for (int i = 0; i < 2; i++) {
            if (read[i] == NO_VALUE)
                continue;
            struct window *window = &bands->windows[read[i]];
            window->resident = window->resident || bands->paces[window->last].stage != bands->paces[s].stage;
            window->last = s;
        }
    }
}

/* ---- windows ----------------------------------------------------------------------------- */

/* The first row of `x` that a reader still needs. */
static int64_t first_needed(const struct bands *bands, value_id x)
{
    int64_t needed = bands->windows[x].made;
    for (int s = 0; s < bands->plan.step_count; s++) {
        const struct step *step = &bands->plan.steps[s];
        const struct window *y = &bands->windows[step->y];
        int64_t first;
        if (y->made == y->height)
            continue;
        if (step->residual == x)
            needed = smaller(needed, y->made);
        if (step->x == x) {
            band_dims(step, y->made, y->made + 1, &first);
            needed = smaller(needed, first);
        }
    }
    return needed;
}

/* Drops the rows that no reader needs, and moves the others to `to`; copies only if there is memory. */
static void move_rows(struct bands *bands, value_id x, float *from, float *to)
{
    struct window *window = &bands->windows[x];
    int64_t needed = first_needed(bands, x);
    if (bands->memory)
        memmove(to, (unsigned char *)from + (size_t)(needed - window->first) * window->row_bytes,
                (size_t)(window->made - needed) * window->row_bytes);
    window->first = needed;
}

/* Extends a window to row made-1, and returns where the new rows begin. */
static float *extend(struct bands *bands, value_id x, int64_t made)
{
    struct window *window = &bands->windows[x];
    size_t before = (size_t)(window->made - window->first) * window->row_bytes;
    window->made = made;
    if (made - window->first > window->most)
        window->most = made - window->first;
    return bands->memory ? (float *)((unsigned char *)window->rows + before) : NULL;
}

static void open_window(struct bands *bands, value_id x)
{
    struct window *window = &bands->windows[x];
    move_rows(bands, x, window->resident ? window->rows : window->kept, window->rows);
}

static void close_window(struct bands *bands, value_id x)
{
    struct window *window = &bands->windows[x];
    if (window->resident)
        return;
    move_rows(bands, x, window->rows, window->kept);
    if (window->made - window->first > window->most_kept)
        window->most_kept = window->made - window->first;
}

static const float *row_at(const struct window *window, int64_t row)
{
    return (const float *)((unsigned char *)window->rows + (size_t)(row - window->first) * window->row_bytes);
}

/* ---- schedule ---------------------------------------------------------------------------- */

static bool can_make(const struct bands *bands, int s, int64_t to)
{
    const struct step *step = &bands->plan.steps[s];
    int64_t first;
    struct layer_dims d = band_dims(step, bands->windows[step->y].made, to, &first);
    return bands->windows[step->x].made >= first + d.ih &&
           (step->residual == NO_VALUE || bands->windows[step->residual].made >= to);
}

/* The row up to which a step can go now. The last two units are made together if the last is not whole. */
static int64_t reach(const struct bands *bands, int s)
{
    const struct window *y = &bands->windows[bands->plan.steps[s].y];
    const struct pace *pace = &bands->paces[s];
    int64_t end = y->made;
    while (end < y->height && end - y->made < pace->most) {
        int64_t next = y->height - end < 2 * pace->unit ? y->height : end + pace->unit;
        if (!can_make(bands, s, next))
            break;
        end = next;
    }
    return end;
}

/* The deepest stage in which a step can make a full band, or reach its end; -1 if there is none. */
static int stage_ready(const struct bands *bands)
{
    for (int s = bands->plan.step_count - 1; s >= 0; s--) {
        const struct window *y = &bands->windows[bands->plan.steps[s].y];
        int64_t end = reach(bands, s);
        if (end > y->made && (end == y->height || end - y->made >= bands->paces[s].most))
            return bands->paces[s].stage;
    }
    return -1;
}

/* Runs a step on the rows that `d` describes; x, y: the first of them. */
static void compute(const struct bands *bands, const struct step *step, const struct layer_dims *d,
                    const float *x, float *y)
{
    struct step band = *step;
    band.args.d = *d;
    band.args.x = x;
    band.args.x_stride = d->ic;
    band.args.y = y;
    band.args.y_stride = d->oc;
    band.needs = step->variant->needs(d); /* a lower band may have a first stage where others have none */
    band.args.shared = band.needs.shared_bytes ? bands->memory + step->shared_offset : NULL;
    band.workspace = bands->memory + step->workspace_offset;
    if (step->residual != NO_VALUE) {
        band.args.epilogue.residual =
            row_at(&bands->windows[step->residual], bands->windows[step->y].made - d->oh);
        band.args.epilogue.residual_stride = d->oc;
    }
    step_run(&band, bands->model->engine->pool, NULL);
}

/* Raises the scratch of a step to what `d` needs. */
static void note_scratch(struct step *step, const struct layer_dims *d)
{
    struct layer_needs *most = &step->needs, needs = step->variant->needs(d);
    if (needs.workspace_bytes > most->workspace_bytes)
        most->workspace_bytes = needs.workspace_bytes;
    if (needs.shared_bytes > most->shared_bytes)
        most->shared_bytes = needs.shared_bytes;
}

static limn_status run_step(struct bands *bands, int s, const struct bands_io *io, limn_error *error)
{
    struct step *step = &bands->plan.steps[s];
    open_window(bands, step->y);
    int64_t from = bands->windows[step->y].made, to = reach(bands, s), first;
    if (from == to)
        return LIMN_OK;
    struct layer_dims d = band_dims(step, from, to, &first);
    float *y = extend(bands, step->y, to);
    if (!io) {
        note_scratch(step, &d);
        return LIMN_OK;
    }
    limn_status status = watch_show(io->watch, bands->work_done / bands->work, error);
    if (status != LIMN_OK)
        return status;
    bands->work_done +=
        step_flops(&bands->model->graph, step) * (double)d.oh / (double)bands->windows[step->y].height;
    compute(bands, step, &d, row_at(&bands->windows[step->x], first), y);
    if (&bands->windows[step->y] != output_window(bands))
        return LIMN_OK;
    struct tensor rows = tensor_view(y, 1, d.oh, d.ow, d.oc, d.oc);
    return io->give(io->context, from, &rows, error);
}

static limn_status run_stage(struct bands *bands, int stage, const struct bands_io *io, limn_error *error)
{
    for (int s = 0; s < bands->plan.step_count; s++) {
        if (bands->paces[s].stage != stage)
            continue;
        limn_status status = run_step(bands, s, io, error);
        if (status != LIMN_OK)
            return status;
        for (int i = 0; i < bands->model->graph.count; i++)
            if (bands->windows[i].height && bands->windows[i].last == s)
                close_window(bands, i);
    }
    return LIMN_OK;
}

static void read_input(struct bands *bands, value_id input, const struct bands_io *io)
{
    const struct layer_dims *d = &bands->plan.dims[input];
    open_window(bands, input);
    int64_t from = bands->windows[input].made, to = smaller(from + bands->intake, d->oh);
    float *x = extend(bands, input, to);
    struct tensor rows = tensor_view(x, 1, to - from, d->ow, d->oc, d->oc);
    if (io)
        io->take(io->context, from, &rows);
}

/* Runs the schedule over the whole picture; without `io` it only counts rows. It always ends: once the whole
 * input is read, the first step that is not at its end has all the rows it needs. */
static limn_status go_through(struct bands *bands, const struct bands_io *io, limn_error *error)
{
    const struct graph *graph = &bands->model->graph;
    const struct window *output = output_window(bands);
    for (int i = 0; i < graph->count; i++)
        bands->windows[i].first = bands->windows[i].made = 0;
    limn_status status = LIMN_OK;
    while (status == LIMN_OK && output->made < output->height) {
        int stage = stage_ready(bands);
        if (stage >= 0)
            status = run_stage(bands, stage, io, error);
        else
            read_input(bands, graph_input_node(graph, 0), io);
    }
    return status;
}

/* ---- whole ------------------------------------------------------------------------------- */

limn_status bands_create(limn_model *model, int64_t height, int64_t width, struct bands **bands,
                         limn_error *error)
{
    const struct graph *graph = &model->graph;
    *bands = NULL;
    struct bands *created = mem_zalloc(1, sizeof *created);
    if (!created)
        return fail_memory(error, "bands", sizeof *created);
    created->model = model;
    limn_status status = plan_create(graph, model->engine->rule, (limn_size){1, height, width}, graph->path,
                                     &created->plan, error);
    if (status == LIMN_OK) {
        created->windows = mem_zalloc((size_t)graph->count, sizeof *created->windows);
        created->paces = mem_zalloc((size_t)created->plan.step_count, sizeof *created->paces);
        if (!created->windows || !created->paces)
            status = fail_memory(error, "bands", (size_t)graph->count * sizeof *created->windows);
    }
    if (status != LIMN_OK) {
        bands_free(created);
        return status;
    }
    for (int i = 0; i < graph->count; i++) {
        const struct layer_dims *d = &created->plan.dims[i];
        created->windows[i].height = d->oh; /* 0 if fused into another */
        created->windows[i].row_bytes = float_bytes(d->ow * d->oc);
    }
    created->plan.threads = pool_threads(model->engine->pool);
    find_stages(created);
    find_readers(created);
    *bands = created;
    return LIMN_OK;
}

bool bands_lighten(struct bands *bands)
{
    bool lighter = plan_lighten(&bands->plan, NULL, bands->model, CHOICE_MEMORY);
    find_stages(bands); /* each variant has its own unit of rows */
    return lighter;
}

void bands_free(struct bands *bands)
{
    if (!bands)
        return;
    mem_free(bands->windows);
    mem_free(bands->paces);
    plan_free(&bands->plan);
    mem_free(bands);
}

static size_t kept_bytes(const struct window *window)
{
    return whole_lines(size_product(window->most_kept, window->row_bytes));
}

/* Places windows in the arena, now that their heights are known, and the kept rows after it. */
static limn_status lay_out(struct bands *bands, limn_error *error)
{
    const struct graph *graph = &bands->model->graph;
    struct plan *plan = &bands->plan;
    for (int i = 0; i < graph->count; i++) {
        struct placement *placement = &plan->placements[i];
        const struct window *window = &bands->windows[i];
        placement->bytes = size_product(window->most, window->row_bytes);
        if (window->resident)
            placement->first = 0, placement->last = plan->step_count;
    }
    limn_status status = plan_place(graph, plan, error);
    bands->bytes = plan->arena_bytes;
    for (int i = 0; i < graph->count; i++)
        bands->bytes = size_sum(bands->bytes, kept_bytes(&bands->windows[i]));
    return status;
}

limn_status bands_settle(struct bands *bands, int64_t rows, size_t *bytes, limn_error *error)
{
    const struct graph *graph = &bands->model->graph;
    struct plan *plan = &bands->plan;
    bands->intake = smaller(rows, plan->steps[0].args.d.ih);
    set_paces(bands, bands->intake);
    for (int s = 0; s < plan->step_count; s++)
        plan->steps[s].needs.shared_bytes = plan->steps[s].needs.workspace_bytes = 0;
    for (int i = 0; i < graph->count; i++)
        bands->windows[i].most = bands->windows[i].most_kept = 0;
    limn_status status = go_through(bands, NULL, error);
    if (status == LIMN_OK)
        status = lay_out(bands, error);
    plan_note_packing(plan, bands->model, pack_threads(bands->model));
    while (plan->pack_threads > 1 && size_product(plan->pack_threads, plan->staging_bytes) > bands->bytes)
        plan->pack_threads--; /* so that packing takes no more than the run */
    *bytes =
        size_sum(plan->packed_bytes, bands->bytes > plan->staging_bytes ? bands->bytes : plan->staging_bytes);
    return status;
}

static void bind(struct bands *bands)
{
    size_t at = bands->plan.arena_bytes;
    for (int i = 0; i < bands->model->graph.count; i++) {
        struct window *window = &bands->windows[i];
        window->rows = (float *)(bands->memory + bands->plan.placements[i].offset);
        window->kept = (float *)(bands->memory + at);
        at += kept_bytes(window);
    }
}

limn_status bands_run(struct bands *bands, const struct bands_io *io, limn_error *error)
{
    limn_status status = plan_pack(&bands->plan, bands->model, error);
    if (status != LIMN_OK)
        return status;
    bands->memory = mem_alloc(bands->bytes);
    if (!bands->memory)
        return fail_memory(error, bands->model->graph.path, bands->bytes);
    pages_populate(bands->model->engine->pool, bands->memory, bands->bytes);
    bind(bands);
    bands->work_done = 0;
    bands->work = plan_flops(&bands->model->graph, &bands->plan);
    uint64_t denormals = cpu_flush_denormals();
    status = go_through(bands, io, error);
    cpu_restore_denormals(denormals);
    mem_free(bands->memory);
    bands->memory = NULL;
    return status;
}
