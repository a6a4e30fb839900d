/* weights_list.c - see weights_list.h. */
#include "apps/cli/weights_list.h"
#include "apps/cli/explain.h"
#include "engine/base/quote.h"
#include "engine/base/system.h"
#include "engine/graph/models/models.h"
#include "engine/run/weights_path.h"
#include "weights/json.h"

#include <string.h>

/* What each network is for. */
static const struct use {
    const struct model_kind *kind;
    const char *text;
    bool classes; /* their number and names follow */
} uses[] = {
    {&deeplabv3, "segment: ", true},
    {&unet, "segment: ", true},
    {&eccv16, "colorize: automatic", false},
    {&siggraph17, "colorize: automatic or with colour hints", false},
    {&vae, "colorize: several variants", false},
    {&dcgan, "generate: pictures from noise", false},
    {&enhancenet, "upscale: enlarge pictures four times", false},
};

/* Prints the first names of a list like ["sky", "grass"], as far as it is one. */
static void print_names(const char *list)
{
    enum { NAMES = 3 };
    struct json json = json_text(list, strlen(list));
    char name[sizeof((limn_class *)0)->name];
    json_open(&json, '[');
    for (int i = 0; i < NAMES && json_more(&json, ']') && json_string(&json, name, sizeof name, NULL); i++) {
        printf(i ? ", " : ": ");
        quote_print(DOCUMENT_PLAIN, name);
    }
    if (json_more(&json, ']'))
        printf(", ...");
}

static void print_classes(const struct graph *graph)
{
    const char *names = safetensors_metadata(graph->weights->header, "limn.classes");
    int64_t channels = graph->nodes[graph->output].channels;
    printf("%lld classes", (long long)(channels == 1 ? 2 : channels));
    if (names)
        print_names(names);
}

static limn_status print_use(const struct weights_file *weights, limn_error *error)
{
    const struct model_kind *kind;
    struct graph graph;
    limn_status status = model_build(weights, &graph, &kind, error);
    if (status != LIMN_OK)
        return status;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (uses[i].kind != kind)
            continue;
        printf("%s", uses[i].text);
        if (uses[i].classes)
            print_classes(&graph);
    }
    const char *licence = safetensors_metadata(weights->header, "limn.licence");
    char size[24];
    printf(" (%s, %s, licence ", kind->name, bytes_text((size_t)file_size(weights->file), size));
    quote_print(DOCUMENT_PLAIN, licence ? licence : "unknown");
    printf(")\n");
    graph_free(&graph);
    return LIMN_OK;
}

static void print_line(void *context, const char *name)
{
    enum { NAME_WIDTH = 18 };
    char path[SYSTEM_PATH_MAX];
    limn_error error;
    struct weights_file weights = {0};
    (void)context;
    int used = quote_print(DOCUMENT_PLAIN, name);
    printf("%*s", used < NAME_WIDTH ? NAME_WIDTH + 2 - used : 2, "");
    limn_status status = weights_path(name, path, &error);
    if (status == LIMN_OK)
        status = weights_open(path, &weights, &error);
    if (status == LIMN_OK)
        status = print_use(&weights, &error);
    if (status != LIMN_OK) {
        printf("error: ");
        quote_print(DOCUMENT_PLAIN, error.message);
        putchar('\n');
    }
    weights_close(&weights);
}

void weights_list_print(void)
{
    weights_each(print_line, NULL);
}
