/* spread.c - see spread.h. */
#include "engine/pipelines/spread.h"
#include "engine/base/maths.h"
#include "engine/base/memory.h"
#include "layers/sizes.h"

#include <math.h>
#include <string.h>

enum { GRIDS_MOST = 16, COARSEST_SIDE = 16, NEIGHBOURS = 8 };
enum { A, B, CONFIDENCE, VALUES };

/* Sweeps on each grid, the coarsest first; the last number is that of all larger grids. */
static const int sweeps[] = {40, 20, 15, 10, 8};
enum { SWEEPS = sizeof sweeps / sizeof *sweeps };

#define LOST 1e-4F       /* probability that a step ends the walk in a picture of USUAL_SIDE pixels a side */
#define USUAL_SIDE 256.F /* half the side: 4 times the probability, for a step is twice as far */
#define VARIANCE 0.6F
#define LEAST_VARIANCE 2e-6F
#define LEAST_WEIGHT 1e-6F
#define LEAST_CONFIDENCE 1e-9F

struct cell {
    float lightness;      /* 0..1 */
    float values[VALUES]; /* a and b, both times the confidence; the confidence */
    bool is_hint;
};

/* Weights of the neighbours of a cell: probabilities of a step to each. */
struct weights {
    float of[NEIGHBOURS];
};

/* height x width cells within a border of one cell, which repeats the nearest cell and has weight 0. */
struct grid {
    int64_t height, width, row; /* row: width + 2 */
    int64_t offsets[NEIGHBOURS];
    struct cell *cells;
    float lost; /* probability that a step ends the walk */
};

/* The grids, the finest first, and the weights of one of them at a time. */
struct cascade {
    struct grid grids[GRIDS_MOST];
    int count;
    struct weights *weights;
};

/* ---- sizes ------------------------------------------------------------------------------- */

static struct grid grid_of(int64_t height, int64_t width)
{
    struct grid grid = {.height = height, .width = width, .row = width + 2};
    int count = 0;
    for (int64_t y = -1; y <= 1; y++)
        for (int64_t x = -1; x <= 1; x++)
            if (y || x)
                grid.offsets[count++] = y * grid.row + x;
    grid.lost = fminf(LOST * USUAL_SIDE * USUAL_SIDE / ((float)height * (float)width), 1);
    return grid;
}

static size_t cells_of(const struct grid *grid)
{
    return (size_t)((grid->height + 2) * grid->row);
}

/* Each grid has half the height and width of the one before it, rounded up. */
static struct cascade cascade_of(int64_t height, int64_t width)
{
    struct cascade cascade = {.grids[0] = grid_of(height, width), .count = 1};
    while (larger(height, width) > COARSEST_SIDE && cascade.count < GRIDS_MOST) {
        height = (height + 1) / 2;
        width = (width + 1) / 2;
        struct grid *grid = &cascade.grids[cascade.count++];
        *grid = grid_of(height, width);
        grid->lost = fminf(4 * grid[-1].lost, 1);
    }
    return cascade;
}

static size_t bytes_of(const struct cascade *cascade)
{
    size_t cells = 0;
    for (int i = 0; i < cascade->count; i++)
        cells += cells_of(&cascade->grids[i]);
    return cells_of(&cascade->grids[0]) * sizeof(struct weights) + cells * sizeof(struct cell);
}

size_t spread_bytes(int64_t height, int64_t width)
{
    struct cascade cascade = cascade_of(height, width);
    return bytes_of(&cascade);
}

/* Takes the memory from `block`, bytes_of(cascade) zeros. */
static void lay_out(struct cascade *cascade, void *block)
{
    cascade->weights = block;
    struct cell *cells = (struct cell *)(cascade->weights + cells_of(&cascade->grids[0]));
    for (int i = 0; i < cascade->count; i++) {
        cascade->grids[i].cells = cells;
        cells += cells_of(&cascade->grids[i]);
    }
}

/* ---- cells ------------------------------------------------------------------------------- */

static int64_t place(const struct grid *grid, int64_t y, int64_t x)
{
    return (y + 1) * grid->row + x + 1;
}

static void fill_border(const struct grid *grid)
{
    for (int64_t y = 0; y < grid->height; y++) {
        struct cell *first = grid->cells + place(grid, y, 0);
        first[-1] = first[0];
        first[grid->width] = first[grid->width - 1];
    }
    struct cell *top = grid->cells, *bottom = grid->cells + grid->height * grid->row;
    memcpy(top, top + grid->row, (size_t)grid->row * sizeof *top);
    memcpy(bottom + grid->row, bottom, (size_t)grid->row * sizeof *bottom);
}

static void read_input(const struct tensor *input, const struct grid *grid)
{
    for (int64_t y = 0; y < grid->height; y++)
        for (int64_t x = 0; x < grid->width; x++) {
            const float *pixel = input->data + (y * grid->width + x) * input->stride;
            struct cell *cell = grid->cells + place(grid, y, x);
            cell->lightness = pixel[0] / 100;
            cell->is_hint = pixel[3] > 0;
            if (cell->is_hint)
                memcpy(cell->values, (const float[VALUES]){pixel[1], pixel[2], 1}, sizeof cell->values);
        }
    fill_border(grid);
}

static void write_input(const struct grid *grid, struct tensor *input)
{
    for (int64_t y = 0; y < grid->height; y++)
        for (int64_t x = 0; x < grid->width; x++) {
            float *pixel = input->data + (y * grid->width + x) * input->stride;
            const float *values = grid->cells[place(grid, y, x)].values;
            float confidence = fmaxf(values[CONFIDENCE], LEAST_CONFIDENCE);
            pixel[1] = values[A] / confidence;
            pixel[2] = values[B] / confidence;
            pixel[3] = values[CONFIDENCE];
        }
}

/* The mean of 2 x 2 cells, fewer at the edge. It is a hint if one of them is: with the mean of the hints. */
static struct cell mean_cell(const struct grid *fine, int64_t y, int64_t x)
{
    int64_t bottom = smaller(2 * y + 2, fine->height), right = smaller(2 * x + 2, fine->width), count = 0;
    struct cell mean = {0};
    for (int64_t from_y = 2 * y; from_y < bottom; from_y++)
        for (int64_t from_x = 2 * x; from_x < right; from_x++, count++) {
            const struct cell *cell = fine->cells + place(fine, from_y, from_x);
            mean.lightness += cell->lightness;
            for (int v = 0; v < VALUES; v++)
                mean.values[v] += cell->values[v];
        }
    float hints = mean.values[CONFIDENCE];
    mean.lightness /= (float)count;
    mean.is_hint = hints > 0;
    for (int v = 0; v < VALUES && mean.is_hint; v++)
        mean.values[v] /= hints;
    return mean;
}

/* The coarse grid's lightness and hints from those of the fine grid, which holds nothing else yet. */
static void shrink(const struct grid *fine, const struct grid *coarse)
{
    for (int64_t y = 0; y < coarse->height; y++)
        for (int64_t x = 0; x < coarse->width; x++)
            coarse->cells[place(coarse, y, x)] = mean_cell(fine, y, x);
    fill_border(coarse);
}

/* Gives cells without a hint the coarse grid's values: bilinear, with the cells' centres at halves. */
static void enlarge(const struct grid *coarse, const struct grid *fine)
{
    fill_border(coarse);
    for (int64_t y = 0; y < fine->height; y++)
        for (int64_t x = 0; x < fine->width; x++) {
            const struct cell *from = coarse->cells + place(coarse, y / 2, x / 2);
            struct cell *to = fine->cells + place(fine, y, x);
            int64_t down = y % 2 ? coarse->row : -coarse->row, across = x % 2 ? 1 : -1;
            for (int v = 0; v < VALUES && !to->is_hint; v++)
                to->values[v] = 0.5625F * from->values[v] +
                                0.1875F * (from[down].values[v] + from[across].values[v]) +
                                0.0625F * from[down + across].values[v];
        }
    fill_border(fine);
}

/* ---- equations --------------------------------------------------------------------------- */

static float variance_around(const struct grid *grid, const struct cell *cell)
{
    float sum = cell->lightness;
    for (int i = 0; i < NEIGHBOURS; i++)
        sum += cell[grid->offsets[i]].lightness;
    float mean = sum / (NEIGHBOURS + 1), apart = cell->lightness - mean, squares = apart * apart;
    for (int i = 0; i < NEIGHBOURS; i++) {
        apart = cell[grid->offsets[i]].lightness - mean;
        squares += apart * apart;
    }
    return squares / (NEIGHBOURS + 1);
}

/* Whether the neighbour is inside the picture. */
static bool is_inside(const struct grid *grid, int64_t at)
{
    int64_t y = at / grid->row - 1, x = at % grid->row - 1;
    return y >= 0 && y < grid->height && x >= 0 && x < grid->width;
}

static void weigh_cell(const struct grid *grid, int64_t at, struct weights *weights)
{
    const struct cell *cell = grid->cells + at;
    float variance = fmaxf(VARIANCE * variance_around(grid, cell), LEAST_VARIANCE), total = 0;
    for (int i = 0; i < NEIGHBOURS; i++) {
        float apart = cell[grid->offsets[i]].lightness - cell->lightness;
        float weight = fmaxf((float)maths_exp((double)(-apart * apart / variance)), LEAST_WEIGHT);
        weights->of[i] = is_inside(grid, at + grid->offsets[i]) ? weight : 0;
        total += weights->of[i];
    }
    for (int i = 0; i < NEIGHBOURS && total > 0; i++) /* a picture of one pixel has no neighbours */
        weights->of[i] *= (1 - grid->lost) / total;
}

static void weigh(const struct grid *grid, struct weights *weights)
{
    for (int64_t y = 0; y < grid->height; y++)
        for (int64_t x = 0; x < grid->width; x++) {
            int64_t at = place(grid, y, x);
            weigh_cell(grid, at, weights + at);
        }
}

/* Sets every cell without a hint to the weighted mean of its neighbours. The cells are visited in four sets
 * of equal y % 2 and x % 2: no cell of a set is the neighbour of another. */
static void sweep(const struct grid *grid, const struct weights *weights)
{
    for (int set = 0; set < 4; set++)
        for (int64_t y = set / 2; y < grid->height; y += 2)
            for (int64_t x = set % 2; x < grid->width; x += 2) {
                int64_t at = place(grid, y, x);
                struct cell *cell = grid->cells + at;
                float sums[VALUES] = {0};
                for (int i = 0; i < NEIGHBOURS; i++)
                    for (int v = 0; v < VALUES; v++)
                        sums[v] += weights[at].of[i] * cell[grid->offsets[i]].values[v];
                if (!cell->is_hint)
                    memcpy(cell->values, sums, sizeof sums);
            }
}

static limn_status solve(const struct cascade *cascade, const struct watch *watch, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (int i = cascade->count - 1; status == LIMN_OK && i >= 0; i--) {
        const struct grid *grid = &cascade->grids[i];
        int times = sweeps[smaller(cascade->count - 1 - i, SWEEPS - 1)];
        if (i < cascade->count - 1)
            enlarge(grid + 1, grid);
        weigh(grid, cascade->weights);
        for (int s = 0; status == LIMN_OK && s < times; s++) {
            status = watch_show(watch, 0, error);
            sweep(grid, cascade->weights);
        }
    }
    return status;
}

limn_status spread_hints(struct tensor *input, const struct watch *watch, limn_error *error)
{
    struct cascade cascade = cascade_of(input->h, input->w);
    size_t bytes = bytes_of(&cascade);
    void *block = mem_zalloc(1, bytes);
    if (!block)
        return fail_memory(error, "spreading the hints", bytes);
    lay_out(&cascade, block);
    read_input(input, &cascade.grids[0]);
    for (int i = 1; i < cascade.count; i++)
        shrink(&cascade.grids[i - 1], &cascade.grids[i]);
    limn_status status = solve(&cascade, watch, error);
    if (status == LIMN_OK)
        write_input(&cascade.grids[0], input);
    mem_free(block);
    return status;
}
