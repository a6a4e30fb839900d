/* models.c - the table of networks, and building one from a weights file: see models.h. */
#include "engine/graph/models/models.h"

#include <stdio.h>
#include <string.h>

const struct model_kind *const model_table[] = {&deeplabv3, &eccv16, &siggraph17, &vae,
                                                &unet,      &dcgan,  &enhancenet, NULL};

static void list_names(char *text, size_t room)
{
    text[0] = 0;
    for (const struct model_kind *const *kind = model_table; *kind; kind++) {
        size_t used = strlen(text);
        snprintf(text + used, room - used, "%s%s", used ? ", " : "", (*kind)->name);
    }
}

static const struct model_kind *recognise(struct graph *graph)
{
    char known[200];
    list_names(known, sizeof known);
    const char *name = safetensors_metadata(graph->weights->header, "limn.model");
    for (const struct model_kind *const *kind = model_table; *kind; kind++)
        if (name ? strcmp((*kind)->name, name) == 0 : (*kind)->recognise(graph))
            return *kind;
    if (name)
        graph_fail(graph, "limn.model is \"%s\", one of %s expected", name, known);
    else
        graph_fail(graph, "its tensors match none of the known networks (%s)", known);
    return NULL;
}

/* `kind` is NULL after a failure. */
static limn_status build(struct graph *graph, const struct model_kind *kind)
{
    /* PyTorch saves the number of training steps in every batch norm. */
    static const char *const counters[] = {"num_batches_tracked", NULL};
    if (kind)
        kind->build(graph);
    graph_ignore(graph, counters);
    graph_check_all_used(graph);
    graph_fold(graph);
    limn_status status = graph->status;
    if (status != LIMN_OK)
        graph_free(graph);
    return status;
}

limn_status model_build(const struct weights_file *weights, struct graph *graph,
                        const struct model_kind **kind, limn_error *error)
{
    graph_begin(graph, weights, error);
    *kind = graph->status == LIMN_OK ? recognise(graph) : NULL;
    return build(graph, *kind);
}

limn_status model_build_as(const struct weights_file *weights, const struct model_kind *kind,
                           struct graph *graph, limn_error *error)
{
    graph_begin(graph, weights, error);
    bool has = graph->status == LIMN_OK && kind->recognise(graph);
    if (!has)
        graph_fail(graph, "holds no %s", kind->name);
    return build(graph, has ? kind : NULL);
}
