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

/* What the tensors after graph->prefix belong to, if it is known; else NULL. */
static const char *owner_of_tensors(const struct graph *graph, limn_reason *reason)
{
    *reason = LIMN_REASON_NONE;
    if (graph_has_tensor(graph, "backbone.0.0.weight") &&
        graph_has_tensor(graph, "backbone.1.block.0.0.weight"))
        return "a DeepLabV3 or LR-ASPP on MobileNet, a DeepLabV3 on ResNet-50 or ResNet-101 expected";
    *reason = LIMN_REASON_CHECKPOINT;
    if (graph_has_tensor(graph, "inc.conv.conv.0.weight"))
        return "unet, with names from before 2020";
    for (const struct model_kind *const *kind = model_table; *kind; kind++)
        if ((*kind)->recognise(graph))
            return (*kind)->name;
    return NULL;
}

/* Fails with what the tensors are after a prefix, such as "module." of PyTorch's DataParallel. False:
 * unknown. Names are sorted, so a prefix is tried where it occurs first. */
static bool fail_with_owner(struct graph *graph)
{
    enum { TENSORS_MOST = 4096 };
    const struct safetensors *header = graph->weights->header;
    char prefix[GRAPH_NAME / 2] = "";
    const char *owner;
    limn_reason reason;
    graph->prefix = prefix;
    owner = owner_of_tensors(graph, &reason);
    for (size_t i = 0; !owner && i < header->tensor_count && i < TENSORS_MOST; i++) {
        const char *name = header->tensors[i].name, *dot = strchr(name, '.');
        for (; !owner && dot && dot - name + 1 < (int)sizeof prefix; dot = strchr(dot + 1, '.')) {
            size_t length = (size_t)(dot - name + 1);
            if (i && strncmp(header->tensors[i - 1].name, name, length) == 0)
                continue;
            memcpy(prefix, name, length);
            prefix[length] = 0;
            owner = owner_of_tensors(graph, &reason);
        }
    }
    graph->prefix = "";
    if (owner)
        graph_fail_because(graph, reason, "its tensors%s%s%s are those of %s",
                           prefix[0] ? " with the prefix \"" : "", prefix, prefix[0] ? "\"" : "", owner);
    return owner != NULL;
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
    else if (!fail_with_owner(graph))
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
