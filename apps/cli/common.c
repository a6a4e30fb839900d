/* common.c - what several commands do: see app.h. */
#include "apps/cli/app.h"
#include "apps/cli/progress.h"
#include "apps/cli/suggest.h"
#include "engine/base/quote.h"
#include "engine/base/system.h"
#include "engine/base/threads.h"
#include "engine/graph/models/models.h"
#include "engine/run/model.h"
#include "engine/run/weights_path.h"
#include "layers/cpu.h"
#include "layers/sizes.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

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
                           .precision = (limn_precision)(options->precision - 1),
                           .memory_limit = size_product(options->memory_limit, 1)};
    status = limn_engine_create(&chosen, engine, error);
    int wanted = chosen.threads ? chosen.threads : usable_cores();
    if (status == LIMN_OK && limn_engine_threads(*engine) < wanted)
        app_warn("started only %d of %d threads: the system allows no more (ulimit -u, pids.max)",
                 limn_engine_threads(*engine), wanted);
    return status;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* What tools/checkpoint/catalog.json lists. */
static const char *const published[] = {"deeplabv3", "deeplabv3-resnet50", "eccv16",        "siggraph17",
                                        "unet",      "unet-scale1",        "enhancenet-pat"};
enum { PUBLISHED = sizeof published / sizeof *published };

static void offer(void *suggestion, const char *name)
{
    suggestion_offer(suggestion, name);
}

/* Adds to the library's message which other name may be meant, and how to get the weights. */
static limn_status fail_unknown(const char *name, limn_error *error)
{
    struct suggestion suggestion = {.typed = name};
    char near[SUGGESTION_TEXT],
        how[128] = "limn-fetch --list shows what can be downloaded; limn-convert converts a checkpoint";
    weights_each(offer, &suggestion);
    for (int i = 0; i < PUBLISHED; i++) {
        suggestion_offer(&suggestion, published[i]);
        if (strcmp(name, published[i]) == 0)
            snprintf(how, sizeof how, "limn-fetch %s downloads them", name);
    }
    for (const struct model_kind *const *kind = model_table; *kind; kind++)
        suggestion_offer(&suggestion, (*kind)->name);
    bool known = strcmp(suggestion.word, name) == 0;
    suggestion_text(&suggestion, "", near);
    return fail(error, LIMN_E_WEIGHTS, "%s%s %s", error->message, near[0] && !known ? near : ";", how);
}

limn_status app_weights_path(const char *name, char path[SYSTEM_PATH_MAX], limn_error *error)
{
    limn_status status = weights_path(name, path, error);
    bool unknown = status != LIMN_OK && error->reason == LIMN_REASON_UNKNOWN_NAME;
    return unknown ? fail_unknown(name, error) : status;
}

const char *app_weights(const struct options *options, limn_task task)
{
    static const struct {
        const char *name, *note;
    } known[] = {
        {"unet-nuclei", "finds cell nuclei in pictures from a microscope; limn-fetch deeplabv3 downloads "
                        "weights for everyday pictures"},
        {"dcgan-landscapes", "draws small landscapes; -m dcgan-digits draws digits"},
    };
    if (options->model)
        return options->model;
    const char *name = limn_default_weights(task);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            app_note(options, "%s, the default, %s", name, known[i].note);
    return name;
}

limn_status app_model(const struct options *options, const char *fallback, limn_model **model,
                      limn_error *error)
{
    limn_engine *engine = NULL;
    const char *name = options->model ? options->model : fallback;
    char path[SYSTEM_PATH_MAX];
    *model = NULL;
    if (!name)
        return fail(error, LIMN_E_USAGE, "missing -m NAME or -m FILE");
    limn_status status = app_weights_path(name, path, error);
    if (status == LIMN_OK)
        status = app_engine(options, &engine, error);
    if (status == LIMN_OK)
        status = limn_model_load(engine, path, model, error);
    if (status != LIMN_OK)
        limn_engine_free(engine);
    return status;
}

void app_model_warn(const limn_model *model, limn_status status)
{
    const char *warning = model ? limn_model_warning(model) : NULL;
    if (warning && (status == LIMN_OK || status == LIMN_E_SOME))
        app_warn("%s", warning);
}

void app_model_free(limn_model *model)
{
    limn_engine *engine = model ? model->engine : NULL;
    limn_model_free(model);
    limn_engine_free(engine);
}

void app_model_end(limn_model *model, limn_status status)
{
    app_model_warn(model, status);
    app_model_free(model);
}

limn_status app_input(const struct options *options, const char **input, limn_error *error)
{
    int given = options->argument_count + (options->input != NULL);
    if (given != 1)
        return fail(error, LIMN_E_USAGE, given ? "more than one INPUT" : "missing INPUT");
    *input = options->input ? options->input : options->arguments[0];
    return LIMN_OK;
}

struct picture_target app_target(const struct options *options, const char *path)
{
    struct picture_target target = {.path = path, .quality = (int)options->quality, .force = options->force};
    bool is_pgm = path && picture_format_of(&target) == PICTURE_AS_PGM;
    if (!(is_pgm && options->format == PICTURE_AS_PPM))
        target.format = (enum picture_format)options->format;
    return target;
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

void app_remedy(limn_error *error)
{
    static const char *const remedies[] = {
        [LIMN_REASON_EXISTS] = " (use --force to replace it)",
        [LIMN_REASON_CHECKPOINT] = "; convert it with: limn-convert CHECKPOINT -o NAME.safetensors",
        [LIMN_REASON_PIECES] = " (use --size HxW to resize them to one size)",
        [LIMN_REASON_BANDS] = " (use --tile N for bands of N rows, with a smaller N)",
        [LIMN_REASON_RESIZE] = " (use --resize N with a smaller N)",
        [LIMN_REASON_SCALE] = " (use a smaller --scale)",
        [LIMN_REASON_NETWORK_SIZE] = " (use a smaller --network-size)",
        [LIMN_REASON_LABELS] = " (use --binary to count all labels above 0 as one class)",
    };
    limn_error plain = *error;
    size_t reason = (size_t)error->reason;
    if (reason < sizeof remedies / sizeof *remedies && remedies[reason])
        fail(error, plain.status, "%s%s", plain.message, remedies[reason]);
}

int quote_print(enum document document, const char *text)
{
    char out[QUOTED_ROOM];
    int count = 0;
    for (; *text; count++)
        fputs(quote_next(document, &text, out), stdout);
    return count;
}

void print_json_string(const char *before, const char *text)
{
    printf("%s\"", before);
    quote_print(DOCUMENT_JSON, text);
    putchar('"');
}

void print_json_number(const char *before, const char *key, double number)
{
    printf(isfinite(number) ? "%s\"%s\": %.10g" : "%s\"%s\": null", before, key, number);
}

void print_csv_string(const char *text)
{
    const char *quote = strpbrk(text, ",\"\r\n") ? "\"" : "";
    fputs(quote, stdout);
    quote_print(DOCUMENT_CSV, text);
    fputs(quote, stdout);
}
