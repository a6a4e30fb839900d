/* batch.c - see batch.h. */
#include "batch.h"
#include "files.h"
#include "inputs.h"
#include "memory.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

struct batch {
    char **inputs, **outputs;
    size_t count, room;
    bool png; /* files in a folder become PNG, whatever the inputs were */
};

static void batch_free(struct batch *batch)
{
    names_free(batch->inputs, batch->count);
    names_free(batch->outputs, batch->count);
    *batch = (struct batch){0};
}

static limn_status batch_add(struct batch *batch, const char *input, const char *output, limn_error *error)
{
    if (batch->count == batch->room) {
        size_t room = batch->room ? 2 * batch->room : 16, bytes = room * sizeof(char *);
        char **inputs = mem_resize(batch->inputs, bytes);
        batch->inputs = inputs ? inputs : batch->inputs;
        char **outputs = inputs ? mem_resize(batch->outputs, bytes) : NULL;
        batch->outputs = outputs ? outputs : batch->outputs;
        if (!outputs)
            return fail_memory(error, "the list of pictures", bytes);
        batch->room = room;
    }
    char *kept_input = mem_strdup(input), *kept_output = mem_strdup(output);
    if (!kept_input || !kept_output) {
        mem_free(kept_input);
        mem_free(kept_output);
        return fail_memory(error, input, strlen(input) + strlen(output));
    }
    batch->inputs[batch->count] = kept_input;
    batch->outputs[batch->count++] = kept_output;
    return LIMN_OK;
}

bool looks_like_picture(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp", ".ppm",  ".pgm",  ".pbm",
                                          ".pnm", ".gif", ".webp", ".tif", ".tiff", ".heic", ".avif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* FOLDER/NAME, with .png for an extension that cannot be written, or for any. */
static limn_status output_name(const char *folder, const char *input, bool png, char path[PATH_MAX],
                               limn_error *error)
{
    const char *slash = strrchr(input, '/'), *name = slash ? slash + 1 : input, *dot = strrchr(name, '.');
    bool keep = !png && picture_format_known(name);
    int stem = keep || !dot ? (int)strlen(name) : (int)(dot - name);
    if (snprintf(path, PATH_MAX, "%s/%.*s%s", folder, stem, name, keep ? "" : ".png") >= PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", input);
    return LIMN_OK;
}

static limn_status add_to_folder(struct batch *batch, const char *input, const char *folder,
                                 limn_error *error)
{
    char output[PATH_MAX];
    limn_status status = output_name(folder, input, batch->png, output, error);
    for (size_t i = 0; status == LIMN_OK && i < batch->count; i++)
        if (strcmp(batch->outputs[i], output) == 0)
            status = fail(error, LIMN_E_USAGE, "%s and %s would both be written to %s", batch->inputs[i],
                          input, output);
    return status == LIMN_OK ? batch_add(batch, input, output, error) : status;
}

static limn_status add_folder(struct batch *batch, const char *input, const char *folder, limn_error *error)
{
    char **names;
    size_t count;
    limn_status status = folder_list(input, &names, &count, error);
    if (status != LIMN_OK)
        return status;
    size_t before = batch->count;
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        char path[PATH_MAX];
        if (!looks_like_picture(names[i]))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", input, names[i]) >= (int)sizeof path)
            status = fail(error, LIMN_E_USAGE, "%s/%s: the path is too long", input, names[i]);
        else if (!path_is_folder(path))
            status = add_to_folder(batch, path, folder, error);
    }
    names_free(names, count);
    if (status == LIMN_OK && batch->count == before)
        return fail(error, LIMN_E_INPUT, "%s: no pictures in this folder", input);
    return status;
}

static const char *input_at(const struct options *options, int index)
{
    if (options->input)
        return index == 0 ? options->input : options->arguments[index - 1];
    return options->arguments[index];
}

static limn_status collect(const struct options *options, struct batch *batch, limn_error *error)
{
    int inputs = options->argument_count + (options->input != NULL);
    const char *output = options->output;
    if (!inputs)
        return fail(error, LIMN_E_USAGE, "an input is needed: a picture, a folder, or - for standard input");
    if (!output)
        return fail(error, LIMN_E_USAGE, "where to? -o OUTPUT is needed");
    bool several = inputs > 1, to_folder;
    limn_status status = folder_find(output, LIMN_E_OUTPUT, &to_folder, error);
    if (status == LIMN_OK && !several)
        status = folder_find(input_at(options, 0), LIMN_E_INPUT, &several, error);
    if (status != LIMN_OK)
        return status;
    if (several && strcmp(output, "-") == 0)
        return fail(error, LIMN_E_USAGE, "only one picture can go to standard output; -o FOLDER is needed");
    if (!several && !to_folder) {
        if (!picture_format_known(output))
            return fail(error, LIMN_E_USAGE,
                        "%s: the extension names no format that can be written (.png, .jpg, "
                        ".bmp, .ppm, .pgm, .pnm)",
                        output);
        return batch_add(batch, input_at(options, 0), output, error);
    }
    for (int i = 0; status == LIMN_OK && i < inputs; i++) {
        const char *input = input_at(options, i);
        status = path_is_folder(input) ? add_folder(batch, input, output, error)
                                       : add_to_folder(batch, input, output, error);
    }
    return status == LIMN_OK ? folder_create(output, error) : status;
}

/* Says in front which picture it was that memory did not suffice for. */
static void name_picture(const char *input, limn_error *error)
{
    char message[sizeof error->message];
    const char *name = input_name(input);
    if (strstr(error->message, name))
        return;
    snprintf(message, sizeof message, "%s", error->message);
    fail(error, LIMN_E_MEMORY, "%s: %s", name, message);
}

static limn_status run(const struct options *options, bool png, batch_step step, void *context,
                       limn_error *error)
{
    struct batch batch = {.png = png};
    size_t failed = 0;
    limn_status status = collect(options, &batch, error);
    for (size_t i = 0; status == LIMN_OK && i < batch.count; i++) {
        limn_status one = step(context, batch.inputs[i], batch.outputs[i], error);
        if (one == LIMN_OK)
            continue;
        if (one == LIMN_E_MEMORY)
            name_picture(batch.inputs[i], error);
        /* With weights that do not work the next picture would fare no better; a smaller one may find the
         * memory that this one did not. */
        if (batch.count == 1 || one == LIMN_E_WEIGHTS) {
            status = one;
        } else {
            fprintf(stderr, "limn: %s\n", error->message);
            failed++;
        }
    }
    if (status == LIMN_OK && failed)
        status = fail(error, LIMN_E_SOME, "%zu of %zu pictures failed", failed, batch.count);
    batch_free(&batch);
    return status;
}

limn_status batch_run(const struct options *options, batch_step step, void *context, limn_error *error)
{
    return run(options, false, step, context, error);
}

limn_status batch_run_png(const struct options *options, batch_step step, void *context, limn_error *error)
{
    return run(options, true, step, context, error);
}
