/* graph_fold.c - fusing pointwise operations into the operation that makes their input.
 *
 * An operator's epilogue does y = scale * activation(x + bias + residual) + shift while the result is still
 * in the cache. A pointwise node is such an epilogue alone, so it can join the node before it when
 *
 *   - that node has an epilogue, and nobody else reads its value;
 *   - the parts of both, one after the other, still follow the epilogue's order;
 *   - its residual is made before that node runs.
 *
 *     conv, relu            =>  conv [relu]
 *     conv, add(r)          =>  conv [+ r]
 *     conv, add(r), shift   =>  conv [bias += shift, + r]           the sum's order does not matter
 */
#include "graph.h"
#include "memory.h"

#include <string.h>

value graph_maker(const struct graph *graph, value x)
{
    while (x != NO_VALUE && graph->nodes[x].fused_into != NO_VALUE)
        x = graph->nodes[x].fused_into;
    return x;
}

static int readers(const struct graph *graph, value x)
{
    int count = graph_maker(graph, graph->output) == x;
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        if (node->fused_into != NO_VALUE)
            continue;
        count += graph_maker(graph, node->x) == x;
        count += graph_maker(graph, node->residual) == x;
    }
    return count;
}

static bool can_join(const struct graph *graph, const struct node *node, const struct node *into)
{
    bool activated = into->activation != ACTIVATION_NONE, scaled = into->scale != NULL;
    if (into->is_input || !layer_operators[into->kind].has_epilogue)
        return false;
    if (node->bias && (activated || scaled))
        return false;
    if (node->residual != NO_VALUE && (activated || scaled || into->residual != NO_VALUE ||
                                       &graph->nodes[graph_maker(graph, node->residual)] >= into))
        return false;
    if (node->activation != ACTIVATION_NONE && (activated || scaled))
        return false;
    return !(node->scale && scaled);
}

static void join(struct node *node, struct node *into)
{
    if (node->bias && into->bias) {
        for (int64_t c = 0; c < node->channels; c++)
            into->bias[c] += node->bias[c];
    } else if (node->bias) {
        into->bias = node->bias;
        node->bias = NULL;
    }
    if (node->residual != NO_VALUE)
        into->residual = node->residual;
    if (node->activation != ACTIVATION_NONE)
        into->activation = node->activation;
    if (node->scale) {
        into->scale = node->scale;
        into->shift = node->shift;
        node->scale = node->shift = NULL;
    }
    /* The fused node makes what the pointwise node was to make, under that name. */
    char *made = into->made;
    into->made = node->made;
    node->made = made;
}

/* A sum can join either operand: exchange them when only the second one can take it. */
static void choose_operand(const struct graph *graph, struct node *node)
{
    value x = graph_maker(graph, node->x), residual = graph_maker(graph, node->residual);
    bool plain_sum =
        residual != NO_VALUE && !node->bias && node->activation == ACTIVATION_NONE && !node->scale;
    if (!plain_sum || (readers(graph, x) == 1 && can_join(graph, node, &graph->nodes[x])))
        return;
    struct node exchanged = *node;
    exchanged.x = residual;
    exchanged.residual = x;
    if (readers(graph, residual) == 1 && can_join(graph, &exchanged, &graph->nodes[residual]))
        *node = exchanged;
}

void graph_fold(struct graph *graph)
{
    for (int i = 0; graph->status == LIMN_OK && i < graph->count; i++) {
        struct node *node = &graph->nodes[i];
        if (node->is_input || node->kind != LAYER_POINTWISE)
            continue;
        choose_operand(graph, node);
        value x = graph_maker(graph, node->x);
        struct node *into = &graph->nodes[x];
        if (readers(graph, x) == 1 && can_join(graph, node, into)) {
            join(node, into);
            node->fused_into = x;
        }
    }
}
