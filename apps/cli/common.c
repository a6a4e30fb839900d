/* common.c - what several commands do: see app.h. */
#include "apps/cli/app.h"
#include "apps/cli/progress.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/graph/models/models.h"
#include "layers/cpu.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

limn_status app_engine(const struct options *options, limn_engine **engine, limn_error *error)
{
    static const char *const kinds[] = {"auto", "openblas", "native", "reference", NULL};
    const char *sets[ISA_COUNT + 2] = {"auto"};
    int kernels = LIMN_KERNELS_AUTO, set;
    limn_status status = LIMN_OK;
    *engine = NULL;
    for (int i = 0; i < ISA_COUNT; i++)
        sets[i + 1] = isa_name((enum isa)i);
    if (options->kernels)
        status = word_choose("--kernels", options->kernels, kinds, &kernels, error);
    if (status == LIMN_OK && options->isa)
        status = word_choose("--isa", options->isa, sets, &set, error);
    if (status != LIMN_OK)
        return status;
    limn_options chosen = {.threads = (int)options->threads,
                           .isa = options->isa,
                           .kernels = (limn_kernels)kernels,
                           .memory_limit = (size_t)options->memory_limit};
    return limn_engine_create(&chosen, engine, error);
}

/* ---- weights ----------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    return access(path, F_OK) == 0 && !path_is_folder(path);
}

/* The folder the program lies in, without a slash at its end. */
static bool program_folder(char *folder, size_t room)
{
    ssize_t length = readlink("/proc/self/exe", folder, room - 1);
    const char *started_as = (const char *)getauxval(AT_EXECFN);
    if (length > 0)
        folder[length] = 0;
    else if (!started_as ||
             snprintf(folder, room, "%s", started_as) >= (int)room) /* no /proc, as in a bare chroot */
        return false;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = 0;
    return true;
}

/* Beside the program, in a source tree's build folder, and installed as PREFIX/bin/limn. */
static const char *const places[] = {".", "weights", "../weights", "../share/limn/weights"};
enum { PLACES = sizeof places / sizeof *places };

/* What tools/checkpoint/catalog.json lists. */
static const char *const published[] = {"deeplabv3", "deeplabv3-resnet50", "eccv16",        "siggraph17",
                                        "unet",      "unet-scale1",        "enhancenet-pat"};
enum { PUBLISHED = sizeof published / sizeof *published };

/* Every weights file in a folder; none where it cannot be read. */
static void take_folder(const char *folder, void (*take)(void *context, const char *name), void *context)
{
    static const char ending[] = ".safetensors";
    char **names;
    size_t count;
    if (folder_list(folder, &names, &count, NULL) != LIMN_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        char *dot = strrchr(names[i], '.');
        if (!dot || strcmp(dot, ending) != 0)
            continue;
        *dot = 0;
        take(context, names[i]);
    }
    names_free(names, count);
}

void app_weights_each(void (*take)(void *context, const char *name), void *context)
{
    char folder[PATH_MAX], place[PATH_MAX];
    const char *chosen = getenv("LIMN_WEIGHTS");
    if (chosen)
        take_folder(chosen, take, context);
    if (program_folder(folder, sizeof folder))
        for (int i = 0; i < PLACES; i++)
            if (snprintf(place, sizeof place, "%s/%s", folder, places[i]) < (int)sizeof place)
                take_folder(place, take, context);
}

static void offer(void *suggestion, const char *name)
{
    suggestion_offer(suggestion, name);
}

/* Says where a name was looked up, which other one it might be, and how to come by the weights. */
static limn_status fail_unknown(const char *name, limn_error *error)
{
    struct suggestion suggestion = {.typed = name};
    char near[SUGGESTION_TEXT], how[128];
    const char *chosen = getenv("LIMN_WEIGHTS");
    snprintf(how, sizeof how, "--list shows what can be fetched; tools/convert.py converts a checkpoint");
    app_weights_each(offer, &suggestion);
    for (int i = 0; i < PUBLISHED; i++) {
        suggestion_offer(&suggestion, published[i]);
        if (strcmp(name, published[i]) == 0)
            snprintf(how, sizeof how, "%s fetches them", name);
    }
    for (const struct model_kind *const *kind = model_table; *kind; kind++)
        suggestion_offer(&suggestion, (*kind)->name);
    bool known = strcmp(suggestion.word, name) == 0;
    suggestion_text(&suggestion, "", near);
    return fail(
        error, LIMN_E_WEIGHTS,
        "no weights called %s%s %s.safetensors is neither in $LIMN_WEIGHTS (%s) nor beside the program; "
        "tools/fetch.py %s",
        name, near[0] && !known ? near : ":", name, chosen ? chosen : "not set", how);
}

limn_status app_weights_path(const char *name, char *path, size_t room, limn_error *error)
{
    bool is_path = strchr(name, '/') || strchr(name, '.');
    if (is_path || is_file(name)) {
        if (snprintf(path, room, "%s", name) >= (int)room)
            return fail(error, LIMN_E_WEIGHTS, "%s: the path is too long", name);
        return LIMN_OK;
    }
    const char *chosen = getenv("LIMN_WEIGHTS");
    if (chosen && snprintf(path, room, "%s/%s.safetensors", chosen, name) < (int)room && is_file(path))
        return LIMN_OK;
    char folder[PATH_MAX];
    if (program_folder(folder, sizeof folder))
        for (int i = 0; i < PLACES; i++)
            if (snprintf(path, room, "%s/%s/%s.safetensors", folder, places[i], name) < (int)room &&
                is_file(path))
                return LIMN_OK;
    return fail_unknown(name, error);
}

limn_status app_model(const struct options *options, const char *fallback, limn_engine **engine,
                      limn_model **model, limn_error *error)
{
    *engine = NULL;
    *model = NULL;
    const char *name = options->model ? options->model : fallback;
    char path[PATH_MAX];
    if (!name)
        return fail(error, LIMN_E_USAGE, "missing -m NAME or -m FILE");
    limn_status status = app_weights_path(name, path, sizeof path, error);
    if (status == LIMN_OK)
        status = app_engine(options, engine, error);
    if (status == LIMN_OK)
        status = limn_model_load(*engine, path, model, error);
    if (status != LIMN_OK) {
        limn_engine_free(*engine);
        *engine = NULL;
    }
    return status;
}

void app_model_warn(const limn_model *model, limn_status status)
{
    const char *warning = limn_model_warning(model);
    if (warning && (status == LIMN_OK || status == LIMN_E_SOME))
        app_warn("%s", warning);
}

void app_model_end(limn_engine *engine, limn_model *model, limn_status status)
{
    app_model_warn(model, status);
    limn_model_free(model);
    limn_engine_free(engine);
}

limn_status app_input(const struct options *options, const char **input, limn_error *error)
{
    int given = options->argument_count + (options->input != NULL);
    if (given != 1)
        return fail(error, LIMN_E_USAGE, given ? "more than one INPUT" : "missing INPUT");
    *input = options->input ? options->input : options->arguments[0];
    return LIMN_OK;
}

/* ---- text -------------------------------------------------------------------------------- */

static void print_line(const char *format, va_list arguments)
{
    char text[sizeof(limn_error)];
    limn_error line; /* fail() replaces control characters */
    vsnprintf(text, sizeof text, format, arguments);
    fail(&line, LIMN_OK, "%s", text);
    progress_wipe();
    fprintf(stderr, "limn: %s\n", line.message);
}

void app_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void app_note(const struct options *options, const char *format, ...)
{
    if (options->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

const char *json_escape(char character, char out[8])
{
    unsigned char c = (unsigned char)character;
    const char *format = c == '"' || c == '\\' ? "\\%c" : c < 32 ? "\\u%04x" : "%c";
    snprintf(out, 8, format, c);
    return out;
}

void print_json_string(FILE *file, const char *text)
{
    char escaped[8];
    fputc('"', file);
    for (; *text; text++)
        fputs(json_escape(*text, escaped), file);
    fputc('"', file);
}

void print_csv_string(FILE *file, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++)
        fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
}
