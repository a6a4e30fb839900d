/* dump.c - see dump.h. */
#include "apps/cli/dump.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/base/system.h"
#include "engine/inspect/feature_sheet.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { DEFAULT_CHANNELS = 64 };

/* ---- arguments --------------------------------------------------------------------------- */

static limn_status parse(const char *text, struct dump *dump, limn_error *error)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (!length || length >= DUMP_NAME || !equals[1])
        return fail(error, LIMN_E_USAGE, "--dump %s: NODE=FILE.npy expected", text);
    memcpy(dump->name, text, length);
    dump->name[length] = 0;
    dump->path = equals + 1;
    return LIMN_OK;
}

static limn_status check_path(const struct dumps *dumps, int index, limn_error *error)
{
    const char *path = dumps->list[index].path;
    if (paths_meet(path, dumps->options->output))
        return fail(error, LIMN_E_USAGE, "--dump %s=%s: same file as the output", dumps->list[index].name,
                    path);
    for (int i = 0; i < index; i++)
        if (paths_meet(path, dumps->list[i].path))
            return fail(error, LIMN_E_USAGE, "--dump %s and --dump %s would both be written to %s",
                        dumps->list[i].name, dumps->list[index].name, path);
    return output_check(path, dumps->options->force, error);
}

limn_status dumps_begin(struct dumps *dumps, const struct options *options, limn_error *error)
{
    *dumps = (struct dumps){.options = options, .count = options->dumps.count};
    limn_status status = LIMN_OK;
    if (options->channels && !options->dump_images)
        return fail(error, LIMN_E_USAGE, "--channels requires --dump-images");
    for (int i = 0; status == LIMN_OK && i < dumps->count; i++)
        status = parse(options->dumps.items[i], &dumps->list[i], error);
    if (status == LIMN_OK && options->dump_images) /* first, because files of --dump may go into it */
        status = folder_create(options->dump_images, error);
    for (int i = 0; status == LIMN_OK && i < dumps->count; i++)
        status = check_path(dumps, i, error);
    return status;
}

/* ---- names ------------------------------------------------------------------------------- */

/* Users often omit the beginning of a long name, so edits within the name count first. */
static int distance(const char *wanted, const char *name)
{
    return word_edits(wanted, name, true) * WORD_LETTERS + word_edits(wanted, name, false);
}

static limn_status fail_unknown(const struct graph *graph, const char *wanted, limn_error *error)
{
    enum { NEAREST = 3 };
    const char *nearest[NEAREST] = {"", "", ""};
    int distances[NEAREST] = {INT_MAX, INT_MAX, INT_MAX};
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        if (node->fused_into != NO_VALUE)
            continue;
        int by_name = distance(wanted, node->name), by_value = distance(wanted, node->made);
        int d = by_name <= by_value ? by_name : by_value, place = NEAREST;
        for (; place > 0 && d < distances[place - 1]; place--)
            if (place < NEAREST) {
                distances[place] = distances[place - 1];
                nearest[place] = nearest[place - 1];
            }
        if (place < NEAREST) {
            distances[place] = d;
            nearest[place] = by_name <= by_value ? node->name : node->made;
        }
    }
    return fail(error, LIMN_E_USAGE, "--dump %s: no node of this name in %s; similar names: %s, %s, %s",
                wanted, graph->path, nearest[0], nearest[1], nearest[2]);
}

/* A value in memory has two names: that of its node, and that of the last operation fused into the node. */
static limn_status find_node(const struct graph *graph, struct dump *dump, limn_error *error)
{
    value_id found = graph_find(graph, dump->name);
    if (found == NO_VALUE)
        return fail_unknown(graph, dump->name, error);
    dump->node = graph_maker(graph, found);
    const struct node *maker = &graph->nodes[dump->node];
    if (dump->node != found && strcmp(maker->made, dump->name) != 0)
        return fail(
            error, LIMN_E_USAGE,
            "--dump %s: this value is not stored: node %s computes it as part of %s, which can be dumped",
            dump->name, maker->name, maker->made);
    return LIMN_OK;
}

/* ---- sheets ------------------------------------------------------------------------------ */

/* FOLDER/NNN-NODE.png, numbered in the order of limn inspect; other characters than letters, digits and ._-
 * become
 * _. */
static limn_status sheet_path(const struct dumps *dumps, value_id node, char path[SYSTEM_PATH_MAX],
                              limn_error *error)
{
    enum { NAME_MOST = 200 }; /* file systems allow 255 */
    const struct graph *graph = &dumps->session->graph;
    char name[NAME_MOST];
    int number = 0, length = 0;
    for (int i = 0; i < node; i++)
        number += graph->nodes[i].fused_into == NO_VALUE;
    for (const char *c = graph->nodes[node].name; *c && length < NAME_MOST; c++)
        name[length++] = isalnum((unsigned char)*c) || strchr("._-", *c) ? *c : '_';
    if (snprintf(path, SYSTEM_PATH_MAX, "%s/%03d-%.*s.png", dumps->options->dump_images, number, length,
                 name) >= SYSTEM_PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", dumps->options->dump_images);
    return LIMN_OK;
}

limn_status dumps_find(struct dumps *dumps, limn_session *session, limn_error *error)
{
    const struct graph *graph = &session->model->graph; /* the session's lacks names fused after its output */
    char path[SYSTEM_PATH_MAX];
    limn_status status = LIMN_OK;
    dumps->session = session;
    for (int i = 0; status == LIMN_OK && i < dumps->count; i++)
        status = find_node(graph, &dumps->list[i], error);
    for (value_id x = 0; status == LIMN_OK && dumps->options->dump_images && x < graph->count; x++) {
        if (graph->nodes[x].fused_into != NO_VALUE)
            continue;
        status = sheet_path(dumps, x, path, error);
        if (status == LIMN_OK)
            status = output_check(path, dumps->options->force, error);
    }
    return status;
}

/* ---- writing ----------------------------------------------------------------------------- */

static limn_status write_values(const char *path, const struct tensor *made, bool force, limn_error *error)
{
    size_t bytes = (size_t)(tensor_pixels(made) * made->c) * sizeof(float);
    float *nchw = mem_alloc(bytes);
    if (!nchw)
        return fail_memory(error, path, bytes);
    tensor_to_nchw(made, nchw);
    limn_status status =
        npy_write(path, (int64_t[4]){made->n, made->c, made->h, made->w}, nchw, force, error);
    mem_free(nchw);
    return status;
}

static limn_status write_sheet(const struct dumps *dumps, const struct node *node, const struct tensor *made,
                               limn_error *error)
{
    const struct options *options = dumps->options;
    char path[SYSTEM_PATH_MAX], heading[2 * DUMP_NAME + 2];
    bool renamed = strcmp(node->name, node->made) != 0;
    struct picture sheet = {0};
    snprintf(heading, sizeof heading, "%s%s%s", node->name, renamed ? ": " : "", renamed ? node->made : "");
    limn_status status = sheet_path(dumps, (value_id)(node - dumps->session->graph.nodes), path, error);
    if (status == LIMN_OK)
        status = feature_sheet(made, heading, options->channels ? options->channels : DEFAULT_CHANNELS,
                               &sheet, error);
    if (status == LIMN_OK)
        status =
            picture_write(&(struct picture_target){.path = path, .force = options->force}, &sheet, error);
    picture_free(&sheet);
    return status;
}

static limn_status write_node(void *context, const struct node *node, const struct tensor *made,
                              limn_error *error)
{
    const struct dumps *dumps = context;
    limn_status status = LIMN_OK;
    for (int i = 0; status == LIMN_OK && i < dumps->count; i++)
        if (&dumps->session->graph.nodes[dumps->list[i].node] == node)
            status = write_values(dumps->list[i].path, made, dumps->options->force, error);
    if (status == LIMN_OK && dumps->options->dump_images)
        status = write_sheet(dumps, node, made, error);
    return status;
}

limn_status dumps_run(struct dumps *dumps, limn_error *error)
{
    limn_session *session = dumps->session;
    if (dumps->count || dumps->options->dump_images)
        session_observe(session, write_node, dumps);
    return limn_session_run(session, error);
}
