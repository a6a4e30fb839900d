/* explain_svg.c - draws the arena: steps from left to right, addresses upwards, a rectangle per value; below
 * it, the live bytes of each step. */
#include "apps/cli/explain.h"
#include "engine/base/quote.h"
#include "apps/cli/text_output.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    FONT = 10,
    LEFT = 76, /* margins of the plots */
    RIGHT = 24,
    TOP = 78,
    MAP_HEIGHT = 440,
    BETWEEN = 34,
    LIVE_HEIGHT = 130,
    PLOTS_WIDTH = 960,
    COLUMN_LEAST = 13, /* fits a line of vertical text */
};

static const double LETTER = 0.61 * FONT; /* the width of a letter in a monospaced font */

struct svg {
    const struct explanation *e;
    double column; /* width of a step */
    struct text_output file;
};

static void put_escaped(struct svg *svg, const char *text)
{
    char quoted[QUOTED_ROOM];
    while (*text)
        text_put(&svg->file, "%s", quote_next(DOCUMENT_XML, &text, quoted));
}

static void put_text(struct svg *svg, double x, double y, const char *attributes, const char *text)
{
    text_put(&svg->file, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
    put_escaped(svg, text);
    text_put(&svg->file, "</text>\n");
}

static void put_upright(struct svg *svg, double x, double y, const char *attributes, const char *text)
{
    text_put(&svg->file, "<text transform=\"translate(%.1f %.1f) rotate(-90)\"%s>", x, y, attributes);
    put_escaped(svg, text);
    text_put(&svg->file, "</text>\n");
}

/* ---- places ------------------------------------------------------------------------------ */

static int columns(const struct svg *svg)
{
    return svg->e->plan.step_count + 1; /* the last column is the end of the run */
}

static double column_x(const struct svg *svg, int step)
{
    return LEFT + svg->column * step;
}

static double map_y(const struct svg *svg, size_t address)
{
    return TOP + MAP_HEIGHT * (1 - (double)address / (double)svg->e->plan.arena_bytes);
}

static double live_y(const struct svg *svg, size_t bytes)
{
    double share = (double)bytes / (double)svg->e->plan.arena_bytes;
    return TOP + MAP_HEIGHT + BETWEEN + LIVE_HEIGHT * (1 - share);
}

/* ---- colours ----------------------------------------------------------------------------- */

enum colour { INPUT, CONVOLUTION, TRANSPOSED, RESIZED, POOLED, POINTWISE, CONCAT, SCRATCH, COLOURS };

static const struct {
    const char *fill, *name;
} palette[COLOURS] = {
    [INPUT] = {"#9db7e0", "input"},
    [CONVOLUTION] = {"#74c3a8", "convolution"},
    [TRANSPOSED] = {"#f79c78", "transposed convolution"},
    [RESIZED] = {"#ecd45f", "resized, padded"},
    [POOLED] = {"#add877", "pooled"},
    [POINTWISE] = {"#dcc29b", "pointwise"},
    [CONCAT] = {"#e39bca", "concat"},
    [SCRATCH] = {"#c4c4c4", "scratch of a step"},
};

static enum colour colour_of(const struct node *node)
{
    static const enum colour kinds[LAYER_COUNT] = {
        [LAYER_CONV2D] = CONVOLUTION,  [LAYER_CONV2D_TRANSPOSE] = TRANSPOSED,
        [LAYER_POINTWISE] = POINTWISE, [LAYER_SOFTMAX] = POINTWISE,
        [LAYER_MAX_POOL] = POOLED,     [LAYER_AVERAGE_POOL] = POOLED,
        [LAYER_PAD] = RESIZED,         [LAYER_UPSAMPLE] = RESIZED,
        [LAYER_BILINEAR] = RESIZED,    [LAYER_BICUBIC] = RESIZED,
    };
    return node->role == NODE_INPUT ? INPUT : node->role == NODE_CONCAT ? CONCAT : kinds[node->kind];
}

/* Draws the colours that occur, in a row. */
static void draw_legend(struct svg *svg)
{
    bool occurs[COLOURS] = {0};
    for (int i = 0; i < svg->e->count; i++)
        if (svg->e->nodes[i].host == svg->e->nodes[i].at)
            occurs[colour_of(explain_node(svg->e, svg->e->nodes[i].at))] = true;
    for (int s = 0; s < svg->e->plan.step_count; s++)
        occurs[SCRATCH] = occurs[SCRATCH] || plan_scratch_bytes(&svg->e->plan, &svg->e->plan.steps[s]);
    double x = LEFT;
    for (int c = 0; c < COLOURS; c++) {
        if (!occurs[c])
            continue;
        text_put(&svg->file,
                 "<rect x=\"%.1f\" y=\"50\" width=\"11\" height=\"11\" fill=\"%s\" stroke=\"#444\" "
                 "stroke-width=\"0.5\"/>\n",
                 x, palette[c].fill);
        put_text(svg, x + 15, 59, "", palette[c].name);
        x += 15 + LETTER * (double)strlen(palette[c].name) + 16;
    }
}

/* ---- map --------------------------------------------------------------------------------- */

/* Draws the name, or as many of its last parts as fit, vertically if it does not fit horizontally. The text
 * must not begin with a digit: "2.conv" alone says little. */
static void draw_label(struct svg *svg, double x, double y, double width, double height, const char *name)
{
    const double margin = 4, line = FONT + 2;
    static const char middle[] = " text-anchor=\"middle\"";
    for (const char *part = name; part; part = strpbrk(part, "./")) {
        part += part != name;
        if (!isalpha((unsigned char)*part))
            continue;
        double length = LETTER * (double)strlen(part) + 2 * margin;
        if (length <= width && line <= height) {
            put_text(svg, x + width / 2, y + height / 2 + 0.35 * FONT, middle, part);
            return;
        }
        if (length <= height && line <= width) {
            put_upright(svg, x + width / 2 + 0.35 * FONT, y + height / 2, middle, part);
            return;
        }
    }
}

static void draw_block(struct svg *svg, const char *fill, size_t offset, size_t bytes, int first, int last,
                       const char *name, const char *title)
{
    double x = column_x(svg, first), width = column_x(svg, last + 1) - x;
    double y = map_y(svg, offset + bytes), height = map_y(svg, offset) - y;
    text_put(&svg->file, "<g><title>");
    put_escaped(svg, title);
    text_put(&svg->file,
             "</title><rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"%s\" stroke=\"#444\" "
             "stroke-width=\"0.5\"/>\n",
             x, y, width, height, fill);
    draw_label(svg, x, y, width, height, name);
    text_put(&svg->file, "</g>\n");
}

static void draw_value(struct svg *svg, const struct explained *node)
{
    const struct node *from = explain_node(svg->e, node->at);
    const struct placement *place = &svg->e->plan.placements[node->at];
    char title[700], size[CELL], bytes[24], until[24] = "the end";
    if (place->last < svg->e->plan.step_count)
        snprintf(until, sizeof until, "step %d", place->last);
    snprintf(title, sizeof title, "%s (%s): %s, %s at %zu, step %d to %s", from->name, from->does,
             output_text(&svg->e->plan.dims[node->at], size), bytes_text(place->bytes, bytes), place->offset,
             place->first, until);
    draw_block(svg, palette[colour_of(from)].fill, place->offset, place->bytes, place->first, place->last,
               from->name, title);
}

static void draw_scratch(struct svg *svg, int s)
{
    struct explained_block blocks[2];
    for (int i = 0, count = explain_scratch(svg->e, s, blocks); i < count; i++) {
        char title[400], bytes[24];
        snprintf(title, sizeof title, "%s of step %d (%s): %s at %zu", blocks[i].use, s,
                 explain_node(svg->e, svg->e->plan.steps[s].node)->name, bytes_text(blocks[i].bytes, bytes),
                 blocks[i].offset);
        draw_block(svg, palette[SCRATCH].fill, blocks[i].offset, blocks[i].bytes, s, s, blocks[i].use, title);
    }
}

/* ---- axes -------------------------------------------------------------------------------- */

/* Returns 1, 2 or 5 times a power of ten, for at most `most` ticks in `whole`. */
static double tick_step(double whole, int most)
{
    static const double factors[] = {1, 2, 5};
    double power = 1;
    for (;;) {
        for (int i = 0; i < 3; i++)
            if (whole / (power * factors[i]) <= most)
                return power * factors[i];
        power *= 10;
    }
}

static void draw_grid(struct svg *svg, double (*y_of)(const struct svg *, size_t), int ticks)
{
    double arena = (double)svg->e->plan.arena_bytes, step = tick_step(arena, ticks);
    char label[24];
    for (int i = 0; i * step <= arena; i++) {
        size_t bytes = (size_t)(i * step);
        double y = y_of(svg, bytes);
        text_put(&svg->file, "<path d=\"M%d %.1fH%.1f\" stroke=\"#ddd\"/>\n", LEFT - 4, y,
                 column_x(svg, columns(svg)));
        put_text(svg, LEFT - 8, y + 0.35 * FONT, " text-anchor=\"end\"", i ? bytes_text(bytes, label) : "0");
    }
}

static void draw_step_names(struct svg *svg)
{
    const struct plan *plan = &svg->e->plan;
    for (int s = 0; s <= plan->step_count; s++) {
        char label[300] = "end";
        if (s < plan->step_count)
            snprintf(label, sizeof label, "%s %3d", explain_node(svg->e, plan->steps[s].node)->name, s);
        put_upright(svg, column_x(svg, s) + svg->column / 2 + 0.35 * FONT, live_y(svg, 0) + 6,
                    " text-anchor=\"end\" xml:space=\"preserve\"", label);
    }
}

/* ---- live bytes -------------------------------------------------------------------------- */

static void draw_live(struct svg *svg)
{
    const struct explanation *e = svg->e;
    for (int s = 0; s <= e->plan.step_count; s++) {
        size_t values = plan_live_bytes(&e->plan, &e->model->graph, s), all = explain_live_bytes(e, s);
        char one[24], other[24];
        double x = column_x(svg, s);
        text_put(&svg->file, "<g><title>step %d: %s of values, %s of scratch</title>\n", s,
                 bytes_text(values, one), bytes_text(all - values, other));
        text_put(&svg->file,
                 "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"#7d93b8\"/>\n", x,
                 live_y(svg, values), svg->column - 1, live_y(svg, 0) - live_y(svg, values));
        text_put(&svg->file, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"%s\"/></g>\n",
                 x, live_y(svg, all), svg->column - 1, live_y(svg, values) - live_y(svg, all),
                 palette[SCRATCH].fill);
    }
}

/* The text is between the two plots. */
static void draw_peak(struct svg *svg)
{
    char text[64], bytes[24];
    double x = column_x(svg, svg->e->peak) + svg->column / 2, y = TOP + MAP_HEIGHT + BETWEEN;
    bool right = svg->e->peak > columns(svg) / 2;
    snprintf(text, sizeof text, "peak at step %d: %s", svg->e->peak, bytes_text(svg->e->peak_bytes, bytes));
    text_put(&svg->file, "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#b00\"/>\n", x,
             live_y(svg, svg->e->peak_bytes) - 1);
    put_text(svg, right ? x - 8 : x + 8, y - 8,
             right ? " fill=\"#b00\" text-anchor=\"end\"" : " fill=\"#b00\"", text);
}

/* ---- whole ------------------------------------------------------------------------------- */

static double names_height(const struct svg *svg)
{
    size_t longest = 0;
    for (int s = 0; s < svg->e->plan.step_count; s++) {
        size_t length = strlen(explain_node(svg->e, svg->e->plan.steps[s].node)->name);
        longest = length > longest ? length : longest;
    }
    return LETTER * (double)(longest + 4) + 16;
}

static void draw_title(struct svg *svg)
{
    const struct explanation *e = svg->e;
    char text[300], arena[24], apart[24];
    snprintf(text, sizeof text, "limn %s: memory during a run, batch %" PRId64 ", %" PRId64 "x%" PRId64,
             e->model->kind->name, e->size.batch, e->size.height, e->size.width);
    put_text(svg, LEFT, 22, " font-size=\"14\" font-weight=\"bold\"", text);
    snprintf(text, sizeof text, "arena %s; all values without sharing: %s",
             bytes_text(e->plan.arena_bytes, arena), bytes_text(e->unshared_bytes, apart));
    put_text(svg, LEFT, 39, "", text);
}

static void draw(struct svg *svg)
{
    double width = column_x(svg, columns(svg)) + RIGHT, height = live_y(svg, 0) + names_height(svg);
    text_put(
        &svg->file,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
        "font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"%d\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        width, height, width, height, FONT);
    draw_title(svg);
    draw_legend(svg);
    draw_grid(svg, map_y, 10);
    for (int i = 0; i < svg->e->count; i++)
        if (svg->e->nodes[i].host == svg->e->nodes[i].at)
            draw_value(svg, &svg->e->nodes[i]);
    for (int s = 0; s < svg->e->plan.step_count; s++)
        draw_scratch(svg, s);
    draw_grid(svg, live_y, 4);
    draw_live(svg);
    draw_peak(svg);
    draw_step_names(svg);
    text_put(&svg->file, "</svg>\n");
}

limn_status explain_svg(const struct explanation *explanation, const char *path, bool force,
                        limn_error *error)
{
    struct svg svg = {.e = explanation};
    svg.column = (double)PLOTS_WIDTH / columns(&svg);
    svg.column = svg.column > COLUMN_LEAST ? svg.column : COLUMN_LEAST;
    if (text_open(&svg.file, path, force, error) != LIMN_OK)
        return svg.file.status;
    draw(&svg);
    return text_close(&svg.file);
}
