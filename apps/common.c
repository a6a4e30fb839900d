/* common.c - what several commands do: see app.h. */
#include "app.h"
#include "files.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

limn_status app_engine(const struct options *options, limn_engine **engine, limn_error *error)
{
    static const char *const kinds[] = {"auto", "openblas", "native", "reference"};
    limn_kernels kernels = LIMN_KERNELS_AUTO;
    *engine = NULL;
    if (options->gemm) {
        while ((size_t)kernels < sizeof kinds / sizeof *kinds && strcmp(options->gemm, kinds[kernels]) != 0)
            kernels++;
        if ((size_t)kernels == sizeof kinds / sizeof *kinds)
            return fail(error, LIMN_E_USAGE, "--gemm %s: auto, openblas, native or reference expected",
                        options->gemm);
    }
    limn_options chosen = {.threads = (int)options->threads,
                           .isa = options->isa,
                           .kernels = kernels,
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
    /* Beside the program, in a source tree's build folder, and installed as PREFIX/bin/limn. */
    static const char *const places[] = {".", "weights", "../weights", "../share/limn/weights"};
    char folder[PATH_MAX];
    if (program_folder(folder, sizeof folder))
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (snprintf(path, room, "%s/%s/%s.safetensors", folder, places[i], name) < (int)room &&
                is_file(path))
                return LIMN_OK;
    return fail(
        error, LIMN_E_WEIGHTS,
        "no weights called %s: %s.safetensors is neither in $LIMN_WEIGHTS (%s) nor beside the program", name,
        name, chosen ? chosen : "not set");
}

limn_status app_model(const struct options *options, const char *fallback, limn_engine **engine,
                      limn_model **model, limn_error *error)
{
    *engine = NULL;
    *model = NULL;
    const char *name = options->model ? options->model : fallback;
    char path[PATH_MAX];
    if (!name)
        return fail(error, LIMN_E_USAGE, "which network? -m NAME or -m FILE is needed");
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
        return fail(error, LIMN_E_USAGE, given ? "more than one input" : "an input is needed");
    *input = options->input ? options->input : options->arguments[0];
    return LIMN_OK;
}

/* ---- text -------------------------------------------------------------------------------- */

static void print_line(const char *format, va_list arguments)
{
    char text[sizeof(limn_error)];
    limn_error line; /* in which fail() leaves no control characters */
    vsnprintf(text, sizeof text, format, arguments);
    fail(&line, LIMN_OK, "%s", text);
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
