/* explain_text.c - an explanation as three tables: the network, the plan, and memory over time. */
#include "apps/cli/explain.h"

#include <inttypes.h>
#include <string.h>

/* ---- cells ------------------------------------------------------------------------------- */

static int name_width(const struct explanation *e)
{
    size_t widest = 0;
    for (int i = 0; i < e->count; i++) {
        size_t length = strlen(explain_node(e, e->nodes[i].at)->name);
        widest = length > widest ? length : widest;
    }
    return (int)widest;
}

static void append_pair(char text[CELL], const char *mark, int64_t h, int64_t w, int64_t unsaid)
{
    size_t used = strlen(text);
    if (h == w && h != unsaid)
        snprintf(text + used, CELL - used, " %s%" PRId64, mark, h);
    else if (h != w)
        snprintf(text + used, CELL - used, " %s%" PRId64 "x%" PRId64, mark, h, w);
}

/* "3x3 s2 p1 d2"; a stride or dilation of 1 and a padding of 0 are omitted. "x2": an enlargement. */
static const char *window_text(const struct explanation *e, const struct explained *node, char text[CELL])
{
    const struct layer_dims *w = &node->window;
    const struct node *from = explain_node(e, node->at);
    text[0] = 0;
    if (from->role == NODE_LAYER && from->factor)
        snprintf(text, CELL, "x%" PRId64, from->factor);
    if (w->kh) {
        snprintf(text, CELL, "%" PRId64 "x%" PRId64, w->kh, w->kw);
        append_pair(text, "s", w->stride_h, w->stride_w, 1);
        append_pair(text, "p", w->pad_h, w->pad_w, 0);
        append_pair(text, "d", w->dilation_h, w->dilation_w, 1);
    }
    return text;
}

static const char *field_text(const struct receptive *sees, char text[CELL])
{
    if (!sees->depends || sees->whole)
        snprintf(text, CELL, "%s", sees->whole ? "whole" : "-");
    else if (sees->height == sees->width)
        snprintf(text, CELL, "%" PRId64, sees->height);
    else
        snprintf(text, CELL, "%" PRId64 "x%" PRId64, sees->height, sees->width);
    return text;
}

static const char *stride_text(const struct receptive *sees, char text[CELL])
{
    snprintf(text, CELL, sees->stride > 0 ? "%g" : "-", sees->stride);
    return text;
}

/* Prints the operations fused into a node, or how many parts of a concat are written in place. */
static void print_fused(const struct explanation *e, const struct explained *node)
{
    const struct graph *graph = &e->model->graph;
    int parts = graph->nodes[node->at].part_count;
    if (parts)
        printf("  %d of %d parts in place", parts - node->step_count, parts);
    if (node->own_bias)
        printf("  bias");
    const char *between = node->own_bias ? " " : "  ";
    for (value_id x = NO_VALUE; (x = explain_next_fused(graph, node->at, x)) != NO_VALUE; between = " ") {
        enum fusion fusion = explain_fusion(graph, x);
        printf("%s%s%s%s", between, graph->nodes[x].does, fusion == FUSION_EPILOGUE ? "" : ">",
               fusion == FUSION_EPILOGUE ? "" : fusion_name(fusion));
    }
}

/* ---- the network ------------------------------------------------------------------------- */

static void print_network(const struct explanation *e, int width)
{
    char window[CELL], output[CELL], field[CELL], stride[CELL];
    printf("\n%-*s %-16s %-13s %-18s %11s %10s %9s %6s  %s\n", width, "node", "operator", "window",
           "output (NxHxWxC)", "parameters", "MFLOP", "field", "stride", "fused");
    for (int i = 0; i < e->count; i++) {
        const struct explained *node = &e->nodes[i];
        const struct node *from = explain_node(e, node->at);
        printf("%-*s %-16s %-13s %-18s %11" PRId64 " %10.2f %9s %6s", width, from->name, from->does,
               window_text(e, node, window), output_text(&e->plan.dims[node->at], output), from->parameters,
               node->flops / 1e6, field_text(&node->sees, field), stride_text(&node->sees, stride));
        print_fused(e, node);
        printf("\n");
    }
}

/* ---- the plan ---------------------------------------------------------------------------- */

static void print_variant(const struct explanation *e, const struct explained *node)
{
    const struct step *step = &e->plan.steps[node->first_step];
    if (node->step_count)
        printf("%4d  %-30s %-8s", node->first_step, step->variant->name, choice_name(step->choice));
    else
        printf("%4s  %-30s %-8s", "-", explain_node(e, node->at)->role == NODE_INPUT ? "" : "in place", "");
}

static void print_place(const struct explanation *e, const struct explained *node)
{
    const struct placement *place = &e->plan.placements[node->host];
    char offset[24], bytes[24];
    if (e->plan.placements[node->at].replaces) {
        printf("in place of %s", explain_node(e, node->host)->name);
        return;
    }
    if (node->host != node->at) {
        printf("in %s from channel %" PRId64, explain_node(e, node->host)->name, node->channel);
        return;
    }
    printf("%9s at %9s, %d-", bytes_text(place->bytes, bytes), bytes_text(place->offset, offset),
           place->first);
    if (place->last == e->plan.step_count)
        printf("end");
    else
        printf("%d", place->last);
}

static void print_plan(const struct explanation *e, int width)
{
    char packed[24], scratch[24];
    printf("\n%-*s %4s  %-30s %-8s %9s %9s  %s\n", width, "node", "step", "kernel", "why", "weights",
           "scratch", "value: bytes, arena offset, steps");
    for (int i = 0; i < e->count; i++) {
        const struct explained *node = &e->nodes[i];
        printf("%-*s ", width, explain_node(e, node->at)->name);
        print_variant(e, node);
        printf(" %9s %9s  ", node->packed_bytes ? bytes_text(node->packed_bytes, packed) : "-",
               node->scratch_bytes ? bytes_text(node->scratch_bytes, scratch) : "-");
        print_place(e, node);
        printf("\n");
    }
}

/* ---- memory over time -------------------------------------------------------------------- */

static void print_bar(char mark, size_t bytes, size_t whole)
{
    enum { WIDTH = 50 };
    for (int i = (int)((double)bytes / (double)whole * WIDTH + 0.5); i > 0; i--)
        putchar(mark);
}

static void print_memory(const struct explanation *e)
{
    const struct plan *plan = &e->plan;
    char live[24];
    printf("\nstep      live  # values, + scratch; longest bar %s, arena %s\n",
           bytes_text(e->peak_bytes, live), bytes_text(plan->arena_bytes, (char[24]){0}));
    for (int s = 0; s <= plan->step_count; s++) {
        size_t all = explain_live_bytes(e, s), values = plan_live_bytes(plan, &e->model->graph, s);
        bool end = s == plan->step_count;
        printf(end ? " end" : "%4d", s);
        printf(" %9s  ", bytes_text(all, live));
        print_bar('#', values, e->peak_bytes);
        print_bar('+', all - values, e->peak_bytes);
        printf("  %s%s\n", end ? "after the run" : explain_node(e, plan->steps[s].node)->name,
               s == e->peak ? "  <- peak" : "");
    }
}

static void print_totals(const struct explanation *e)
{
    const struct plan *plan = &e->plan;
    size_t values = plan_live_bytes(plan, &e->model->graph, e->peak);
    char text[4][24];
    printf("\n%" PRId64 " parameters, %.3f GFLOP, %s of packed weights\n", graph_parameters(&e->model->graph),
           plan_flops(&e->model->graph, plan) / 1e9, bytes_text(e->packed_bytes, text[0]));
    printf("arena %s; peak at step %d, %s of values and %s of scratch; all values without sharing: %s\n",
           bytes_text(plan->arena_bytes, text[0]), e->peak, bytes_text(values, text[1]),
           bytes_text(e->peak_bytes - values, text[2]), bytes_text(e->unshared_bytes, text[3]));
}

void explain_text(const struct explanation *e)
{
    int width = name_width(e);
    printf("%s: %s\n%s\nbatch %" PRId64 ", %" PRId64 "x%" PRId64 "\n", e->model->kind->name,
           e->model->kind->does, limn_engine_describe(e->model->engine), e->size.batch, e->size.height,
           e->size.width);
    print_network(e, width);
    print_plan(e, width);
    print_memory(e);
    print_totals(e);
}
