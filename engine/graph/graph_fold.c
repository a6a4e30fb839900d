/* graph_fold.c - fusing pointwise operations into the operation that makes their input.
 *
 * An operator's epilogue computes y = scale * activation(x + bias + residual) + shift while the result is
 * still in the cache. A pointwise node is such an epilogue alone, so it can join the node before it if
 *
 *   - that node has an epilogue, and no other node reads its value;
 *   - the parts of both, one after the other, still follow the epilogue's order;
 *   - its residual is made before that node runs.
 *
 *     conv, relu                  =>  conv [relu]
 *     conv, add(r), relu          =>  conv [+ r, relu]
 *     conv, add(r), shift         =>  conv [bias += shift, + r]        the order of the sum does not matter
 *     conv, batchnorm, relu       =>  conv [relu], the batchnorm multiplied into weights and bias
 *     conv, relu, batchnorm       =>  conv [relu, scale, shift]
 *
 * The last batchnorm cannot be multiplied into these weights, because it follows the ReLU, nor into those of
 * the next convolution, whose zero padding comes after the shift.
 *
 * An enlargement by nearest neighbour to twice the size joins the 3x3 convolution that follows. Each output
 * of the convolution sees every input pixel once or twice, so taps can be added up in advance: in one
 * dimension
 *
 *     u[2 j] = u[2 j + 1] = x[j],   y[i] = g0 u[i - 1] + g1 u[i] + g2 u[i + 1]
 *     y[2 j] = g0 x[j - 1] + (g1 + g2) x[j],   y[2 j + 1] = (g0 + g1) x[j] + g2 x[j + 1]
 *
 * which is the transposed convolution of stride 2 and padding 1 with the kernel (g2, g1 + g2, g0 + g1, g0):
 * 4/9 of the products per pixel, and no enlarged picture in memory.
 */
#include "engine/base/memory.h"
#include "engine/graph/graph.h"

#include <string.h>

static int readers(const struct graph *graph, value_id x)
{
    int count = graph_maker(graph, graph->output) == x;
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        if (!node_runs(node))
            continue;
        count += graph_maker(graph, node->x) == x;
        count += graph_maker(graph, node->residual) == x;
        for (int part = 0; part < node->part_count; part++)
            count += graph_maker(graph, node->parts[part]) == x;
    }
    return count;
}

static bool can_join(const struct graph *graph, const struct node *node, const struct node *into)
{
    bool activated = into->activation != ACTIVATION_NONE, scaled = into->scale != NULL;
    value_id residual = graph_maker(graph, node->residual);
    if (into->role != NODE_LAYER || !layer_operators[into->kind].has_epilogue)
        return false;
    if (node->bias && (activated || scaled))
        return false;
    if (residual != NO_VALUE &&
        (activated || scaled || into->residual != NO_VALUE || &graph->nodes[residual] >= into))
        return false;
    if (node->activation != ACTIVATION_NONE && (activated || scaled))
        return false;
    return !(node->scale && scaled);
}

static void join_bias(struct node *node, struct node *into)
{
    if (into->bias && node->bias) {
        for (int64_t c = 0; c < node->channels; c++)
            into->bias[c] += node->bias[c];
    } else if (node->bias) {
        into->bias = node->bias;
        node->bias = NULL;
    }
}

/* scale * (w x + bias) + shift = (scale w) x + (scale bias + shift): the shift becomes part of the bias. */
static void join_scale(struct node *node, struct node *into)
{
    bool linear = into->weight && into->activation == ACTIVATION_NONE && into->residual == NO_VALUE;
    if (!linear) {
        into->scale = node->scale;
        into->shift = node->shift;
    } else {
        for (int64_t c = 0; into->bias && c < node->channels; c++)
            node->shift[c] += node->scale[c] * into->bias[c];
        for (int64_t c = 0; into->weight_scale && c < node->channels; c++)
            node->scale[c] *= into->weight_scale[c];
        mem_free(into->bias);
        mem_free(into->weight_scale);
        into->bias = node->shift;
        into->weight_scale = node->scale;
    }
    node->scale = node->shift = NULL;
}

/* A node that joins another has only its own operation: nodes are visited in order, so none joined it before.
 */
static void join(struct node *node, struct node *into)
{
    join_bias(node, into);
    if (node->residual != NO_VALUE)
        into->residual = node->residual;
    if (node->activation != ACTIVATION_NONE) {
        into->activation = node->activation;
        into->slope = node->slope;
    }
    if (node->scale)
        join_scale(node, into);
    into->parameters += node->parameters;
    /* The fused node makes the pointwise node's value, and takes its name. */
    char *made = into->made;
    into->made = node->made;
    node->made = made;
}

/* A sum can join either operand: exchanges them if only the second can take it. */
static void choose_operand(const struct graph *graph, struct node *node)
{
    value_id x = graph_maker(graph, node->x), residual = graph_maker(graph, node->residual);
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

double node_flops(const struct node *node, const struct layer_dims *d)
{
    if (node->role != NODE_LAYER)
        return 0;
    /* 3x3 taps for each of four output pixels have become 4x4 for the one input pixel. */
    double folded = node->enlarged ? 4 * 9 / 16.0 : 1;
    return folded * layer_operators[node->kind].flops(d);
}

static void fold_enlargement(struct graph *graph, int index)
{
    struct node *node = &graph->nodes[index];
    const struct layer_dims *w = &node->window;
    value_id x = graph_maker(graph, node->x);
    struct node *enlargement = &graph->nodes[x];
    if (enlargement->role != NODE_LAYER || enlargement->kind != LAYER_UPSAMPLE || enlargement->factor != 2 ||
        readers(graph, x) != 1 || w->kh != 3 || w->kw != 3 || w->stride_h != 1 || w->stride_w != 1 ||
        w->pad_h != 1 || w->pad_w != 1 || w->dilation_h != 1 || w->dilation_w != 1)
        return;
    node->kind = LAYER_CONV2D_TRANSPOSE;
    node->enlarged = true;
    node->window.kh = node->window.kw = 4;
    node->window.stride_h = node->window.stride_w = 2;
    node->x = enlargement->x;
    enlargement->fused_into = index;
}

void graph_fold(struct graph *graph)
{
    for (int i = 0; graph->status == LIMN_OK && i < graph->count; i++) {
        struct node *node = &graph->nodes[i];
        if (node->role == NODE_LAYER && node->kind == LAYER_CONV2D)
            fold_enlargement(graph, i);
        if (node->role != NODE_LAYER || node->kind != LAYER_POINTWISE)
            continue;
        choose_operand(graph, node);
        value_id x = graph_maker(graph, node->x);
        struct node *into = &graph->nodes[x];
        if (readers(graph, x) == 1 && can_join(graph, node, into)) {
            join(node, into);
            node->fused_into = x;
        }
    }
}
