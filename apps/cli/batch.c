/* batch.c - see batch.h. */
#include "apps/cli/batch.h"
#include "apps/cli/outcomes.h"
#include "apps/cli/progress.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

void batch_close(struct batch *batch)
{
    if (batch->outputs)
        names_free(batch->outputs, batch->inputs.count);
    inputs_free(&batch->inputs);
    *batch = (struct batch){0};
}

/* ---- names of outputs -------------------------------------------------------------------- */

/* The length of a path without the extension of its last name. */
static int stem_length(const char *path)
{
    const char *name = system_path_name(path), *dot = strrchr(name, '.');
    return (int)(dot && dot > name ? dot - path : (ptrdiff_t)strlen(path));
}

/* Whether a file made in a folder keeps the extension of its input. */
static bool keeps_extension(const struct batch *batch, const char *name)
{
    const struct batch_job *job = batch->job;
    enum picture_format own = picture_format_of(&(struct picture_target){.path = name});
    if (own == PICTURE_BY_NAME || batch->options->format)
        return own != PICTURE_BY_NAME && (int)own == batch->options->format;
    return !job->png && !(job->coloured && own == PICTURE_AS_PGM);
}

/* FOLDER/NAME, or PLACE/NAME-upscaled.png. */
static limn_status output_path(const struct batch *batch, const struct input *input,
                               char path[SYSTEM_PATH_MAX], limn_error *error)
{
    const char *extension = picture_extension((enum picture_format)batch->options->format);
    int length;
    if (!batch->folder[0])
        length = snprintf(path, SYSTEM_PATH_MAX, "%.*s%s%s", stem_length(input->path), input->path,
                          batch->job->suffix, extension);
    else if (keeps_extension(batch, input->name))
        length = snprintf(path, SYSTEM_PATH_MAX, "%s/%s", batch->folder, input->name);
    else
        length = snprintf(path, SYSTEM_PATH_MAX, "%s/%.*s%s", batch->folder, stem_length(input->name),
                          input->name, extension);
    return length < SYSTEM_PATH_MAX ? LIMN_OK
                                    : fail(error, LIMN_E_USAGE, "%s: the path is too long", input->path);
}

static limn_status name_outputs(struct batch *batch, limn_error *error)
{
    char path[SYSTEM_PATH_MAX];
    limn_status status = LIMN_OK;
    const char *output = batch->options->output;
    size_t count = batch->inputs.count;
    if (!(batch->outputs = mem_zalloc(count, sizeof *batch->outputs)))
        return fail_memory(error, "the list of outputs", count * sizeof *batch->outputs);
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        const struct input *input = &batch->inputs.list[i];
        bool named = !batch->to_folder && output;
        if (!named && is_standard(input->path))
            continue;
        if (!named)
            status = output_path(batch, input, path, error);
        const char *text = named ? output : path;
        if (status == LIMN_OK && !(batch->outputs[i] = mem_strdup(text)))
            status = fail_memory(error, text, strlen(text) + 1);
    }
    return status;
}

/* ---- outputs that coincide --------------------------------------------------------------- */

/* A file that is read or written. */
struct place {
    char *path; /* with the real path of its folder, so that equal files have equal text */
    size_t index;
    bool is_input;
};

static limn_status set_place(struct place *place, const char *path, size_t index, bool is_input,
                             limn_error *error)
{
    char folder[SYSTEM_PATH_MAX], real[SYSTEM_PATH_MAX], whole[SYSTEM_PATH_MAX];
    const char *name = system_path_name(path);
    snprintf(folder, sizeof folder, "%.*s", name > path ? (int)(name - path) : 1, name > path ? path : ".");
    bool known = system_real_path(folder, real) &&
                 snprintf(whole, sizeof whole, "%s/%s", real, name) < (int)sizeof whole;
    *place = (struct place){mem_strdup(known ? whole : path), index, is_input};
    return place->path ? LIMN_OK : fail_memory(error, path, strlen(path) + 1);
}

/* Sorts by path; for equal ones outputs first, then by index. */
static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = system_path_compare(a->path, b->path);
    if (!order)
        order = a->is_input - b->is_input;
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Checks two neighbours among the sorted places. Without --force an output that is an input exists, and is
 * refused or skipped when it comes to it; but one that is its own input is never done. */
static limn_status check_pair(const struct batch *batch, const struct place *a, const struct place *b,
                              limn_error *error)
{
    const struct options *options = batch->options;
    const struct input *list = batch->inputs.list;
    if (a->is_input || system_path_compare(a->path, b->path) != 0)
        return LIMN_OK;
    const char *output = batch->outputs[a->index];
    if (!b->is_input)
        return fail(error, LIMN_E_USAGE, "%s and %s would both be written to %s", list[a->index].path,
                    list[b->index].path, output);
    if (options->force && a->index != b->index)
        return fail(error, LIMN_E_USAGE, "%s is an input, and would be replaced by the output of %s", output,
                    list[a->index].path);
    if (options->skip_existing && a->index == b->index)
        return fail(error, LIMN_E_USAGE, "%s: input and output are the same file", output);
    return LIMN_OK;
}

static limn_status sort_and_check(const struct batch *batch, struct place *places, size_t count,
                                  limn_error *error)
{
    limn_status status = LIMN_OK;
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 1; status == LIMN_OK && i < count; i++)
        status = check_pair(batch, &places[i - 1], &places[i], error);
    return status;
}

/* Checks that no two inputs have the same output, and that no output is an input. */
static limn_status check_outputs(const struct batch *batch, limn_error *error)
{
    size_t count = 2 * batch->inputs.count, used = 0;
    struct place *places = mem_zalloc(count, sizeof *places);
    limn_status status = places ? LIMN_OK : fail_memory(error, "the list of outputs", count * sizeof *places);
    for (size_t i = 0; status == LIMN_OK && i < batch->inputs.count; i++) {
        const char *paths[2] = {batch->outputs[i], batch->inputs.list[i].path};
        for (int k = 0; status == LIMN_OK && k < 2; k++)
            if (paths[k] && !is_standard(paths[k]))
                status = set_place(&places[used++], paths[k], i, k, error);
    }
    if (status == LIMN_OK)
        status = sort_and_check(batch, places, used, error);
    for (size_t i = 0; i < used; i++)
        mem_free(places[i].path);
    mem_free(places);
    return status;
}

/* ---- the command line -------------------------------------------------------------------- */

/* The input that is given as number `index`: -i is the first. */
static const char *given_input(const struct options *options, int index)
{
    return index == 0 && options->input ? options->input
                                        : options->arguments[index - (options->input != NULL)];
}

/* What -o may be follows from the number of inputs. */
static limn_status check_output(const struct batch *batch, bool several, limn_error *error)
{
    const struct options *options = batch->options;
    const char *output = options->output;
    bool named = picture_format_known(&(struct picture_target){.path = output});
    if (several && is_standard(output))
        return fail(error, LIMN_E_USAGE,
                    "several pictures cannot be written to standard output; use -o FOLDER");
    if (several && named && !batch->to_folder)
        return fail(error, LIMN_E_USAGE, "%s: several pictures need a folder (%s/ for a folder of this name)",
                    output, output);
    if (!several && !named && !batch->to_folder && !options->format)
        return fail(error, LIMN_E_USAGE,
                    "%s: unknown extension (use .png, .jpg, .bmp, .ppm, .pgm or .pnm, or end a folder's name "
                    "with /)",
                    output);
    return LIMN_OK;
}

/* Without -o a file's output is beside it. */
static limn_status check_inputs_alone(const struct options *options, int given, limn_error *error)
{
    for (int i = 0; i < given; i++) {
        const char *path = given_input(options, i);
        if (is_standard(path))
            return fail(error, LIMN_E_USAGE, "missing -o OUTPUT: standard input has no name of its own");
        if (path_is_folder(path))
            return fail(error, LIMN_E_USAGE, "missing -o FOLDER for the pictures in %s", path);
    }
    return LIMN_OK;
}

/* Sets batch->folder from -o. */
static limn_status set_folder(struct batch *batch, limn_error *error)
{
    const char *output = batch->options->output;
    size_t length = system_path_trimmed(output);
    if (length >= SYSTEM_PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", output);
    snprintf(batch->folder, SYSTEM_PATH_MAX, "%.*s", (int)length, output);
    return LIMN_OK;
}

static limn_status find_outputs(struct batch *batch, int given, limn_error *error)
{
    const struct options *options = batch->options;
    const char *output = options->output;
    bool several = given > 1;
    if (!output)
        return check_inputs_alone(options, given, error);
    limn_status status = folder_find(output, LIMN_E_OUTPUT, &batch->to_folder, error);
    if (status == LIMN_OK && !several)
        status = folder_find(given_input(options, 0), LIMN_E_INPUT, &several, error);
    batch->to_folder = batch->to_folder || (*output && !*system_path_name(output));
    if (status == LIMN_OK)
        status = check_output(batch, several, error);
    batch->to_folder = batch->to_folder || several;
    return status == LIMN_OK && batch->to_folder ? set_folder(batch, error) : status;
}

static limn_status check_arguments(const struct options *options, int given, limn_error *error)
{
    if (!given)
        return fail(error, LIMN_E_USAGE, "missing INPUT: a picture, a folder, or - for standard input");
    if (options->force && options->skip_existing)
        return fail(error, LIMN_E_USAGE, "--force and --skip-existing exclude each other");
    for (int i = 0; given > 1 && i < given; i++)
        if (is_standard(given_input(options, i)))
            return fail(error, LIMN_E_USAGE, "standard input (-) must be the only input");
    return outcomes_check(options, error);
}

/* An output that exists is found before the work only if it is the only one. */
static limn_status check_only_output(const struct batch *batch, limn_error *error)
{
    const struct options *options = batch->options;
    const char *output = batch->inputs.count == 1 ? batch->outputs[0] : NULL;
    bool exists = false;
    if (!output || is_standard(output) || options->force || options->skip_existing)
        return LIMN_OK;
    limn_status status = output_exists(output, &exists, error);
    return exists ? fail_because(error, LIMN_E_OUTPUT, LIMN_REASON_EXISTS, "%s: already exists", output)
                  : status;
}

limn_status batch_open(const struct options *options, const struct batch_job *job, struct batch *batch,
                       limn_error *error)
{
    int given = options->argument_count + (options->input != NULL);
    *batch = (struct batch){.options = options, .job = job};
    limn_status status = check_arguments(options, given, error);
    if (status == LIMN_OK)
        status = find_outputs(batch, given, error);
    if (status == LIMN_OK)
        status = inputs_collect(options, &batch->inputs, error);
    if (status == LIMN_OK)
        status = name_outputs(batch, error);
    if (status == LIMN_OK)
        status = check_outputs(batch, error);
    if (status == LIMN_OK)
        status = check_only_output(batch, error);
    if (status != LIMN_OK)
        batch_close(batch);
    return status;
}

/* ---- a picture --------------------------------------------------------------------------- */

/* Makes the folders of an output below that of -o. */
static limn_status make_folders(char *output, const char *folder, limn_error *error)
{
    limn_status status = LIMN_OK;
    char *slash = strchr(output + strlen(folder) + 1, '/');
    for (; status == LIMN_OK && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        status = folder_create(output, error);
        *slash = '/';
    }
    return status;
}

/* Puts the name of the picture that needs too much memory before the message. */
static void name_picture(const char *input, limn_error *error)
{
    char message[sizeof error->message];
    const char *name = input_name(input);
    if (strstr(error->message, name))
        return;
    snprintf(message, sizeof message, "%s", error->message);
    fail_because(error, LIMN_E_MEMORY, error->reason, "%s: %s", name, message);
}

static limn_status run_step(const struct batch *batch, const struct input *input, char *output,
                            limn_error *error)
{
    limn_status status = batch->to_folder ? make_folders(output, batch->folder, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = batch->job->step(batch->job->context, input, output, error);
    if (status == LIMN_E_MEMORY)
        name_picture(input->path, error);
    return status;
}

static void report_one(struct outcomes *outcomes, const struct batch *batch, const struct input *input,
                       const char *output, bool skipped)
{
    outcomes_picture(outcomes, input->path, output);
    if (input->stream)
        outcomes_whole(outcomes, "frame", input->frame);
    if (skipped)
        outcomes_skipped(outcomes);
    else if (outcomes->json && batch->job->picture_members)
        batch->job->picture_members(batch->job->context);
    outcomes_picture_end(outcomes);
}

/* A picture of a stream is read nevertheless, to come to the next one. */
static limn_status skip_step(const struct batch *batch, const struct input *input, limn_error *error)
{
    struct picture picture = {0};
    limn_status status = input->stream ? input_next(batch->options, input, &picture, error) : LIMN_OK;
    picture_free(&picture);
    return status;
}

/* Makes one output. Returns a status that is not LIMN_OK if the run ends with it. */
static limn_status run_one(struct outcomes *outcomes, const struct batch *batch, const struct input *input,
                           char *output, limn_error *error)
{
    bool skips = false;
    limn_status status = LIMN_OK;
    if (batch->options->skip_existing && !is_standard(output))
        status = output_exists(output, &skips, error);
    if (status == LIMN_OK)
        status = skips ? skip_step(batch, input, error) : run_step(batch, input, output, error);
    if (status == LIMN_OK) {
        report_one(outcomes, batch, input, output, skips);
        return LIMN_OK;
    }
    app_remedy(error);
    /* Bad weights fail for every picture; with a smaller picture there may be enough memory. */
    bool ends = status == LIMN_E_WEIGHTS || batch->inputs.count == 1;
    if (outcomes->count || !ends)
        outcomes_failure(outcomes, input->path, error->message);
    if (ends)
        return status;
    app_warn("%s", error->message);
    return LIMN_OK;
}

/* ---- all --------------------------------------------------------------------------------- */

static bool same_folder(const char *a, const char *b)
{
    size_t length = (size_t)(system_path_name(a) - a);
    return length == (size_t)(system_path_name(b) - b) && strncmp(a, b, length) == 0;
}

static limn_status run_list(struct outcomes *outcomes, const struct batch *batch, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (size_t i = 0; status == LIMN_OK && i < batch->inputs.count; i++) {
        char *output = batch->outputs[i];
        progress_show((int64_t)i);
        if (i == 0 || !same_folder(batch->outputs[i - 1], output))
            outputs_remove_abandoned(output);
        status = run_one(outcomes, batch, &batch->inputs.list[i], output, error);
    }
    return status;
}

/* The output of a picture on standard input. */
static limn_status stream_output(const struct batch *batch, const struct input *input,
                                 char output[SYSTEM_PATH_MAX], limn_error *error)
{
    if (batch->to_folder)
        return output_path(batch, input, output, error);
    if (input->frame > 1 && !is_standard(batch->outputs[0]))
        return fail(
            error, LIMN_E_INPUT,
            "standard input: holds more than one picture, but %s can hold one only (use -o FOLDER/ or "
            "-o -)",
            batch->outputs[0]);
    return snprintf(output, SYSTEM_PATH_MAX, "%s", batch->outputs[0]) < SYSTEM_PATH_MAX
               ? LIMN_OK
               : fail(error, LIMN_E_USAGE, "%s: the path is too long", batch->outputs[0]);
}

static limn_status run_stream(struct outcomes *outcomes, const struct batch *batch,
                              struct picture_stream *stream, limn_error *error)
{
    char name[32], output[SYSTEM_PATH_MAX];
    struct input input = {.path = batch->inputs.list[0].path, .name = name, .stream = stream};
    limn_status status = LIMN_OK;
    bool more = true;
    while (status == LIMN_OK && more) {
        progress_show(input.frame);
        status = picture_stream_more(stream, &more, error);
        if (status != LIMN_OK || !more)
            break;
        snprintf(name, sizeof name, "%04" PRId64, ++input.frame);
        bool pnm = picture_stream_is_pnm(stream) && !batch->job->alpha;
        input.format = pnm ? PICTURE_AS_PPM : PICTURE_BY_NAME;
        status = stream_output(batch, &input, output, error);
        if (status == LIMN_OK && input.frame == 1)
            outputs_remove_abandoned(output);
        if (status == LIMN_OK)
            status = run_one(outcomes, batch, &input, output, error);
    }
    return status;
}

static limn_status open_and_run_stream(struct outcomes *outcomes, const struct batch *batch,
                                       limn_error *error)
{
    struct picture_stream *stream;
    limn_status status = picture_stream_open(&stream, error);
    if (status == LIMN_OK)
        status = run_stream(outcomes, batch, stream, error);
    picture_stream_close(stream);
    return status;
}

static void report_all(const struct outcomes *outcomes, const struct batch *batch)
{
    outcomes_summary(outcomes);
    outcomes_whole(outcomes, "skipped", (int64_t)outcomes->skipped);
    if (outcomes->json && batch->job->whole_members)
        batch->job->whole_members(batch->job->context);
    outcomes_end(outcomes);
}

limn_status batch_run(struct batch *batch, limn_error *error)
{
    const struct options *options = batch->options;
    bool is_stream = is_standard(batch->inputs.list[0].path);
    limn_status status = batch->to_folder ? folder_create(batch->folder, error) : LIMN_OK;
    if (status != LIMN_OK)
        return status;
    struct outcomes outcomes = outcomes_begin(options);
    progress_begin(options, is_stream ? 0 : (int64_t)batch->inputs.count, "pictures",
                   options->json || options->truth);
    status = is_stream ? open_and_run_stream(&outcomes, batch, error) : run_list(&outcomes, batch, error);
    progress_end();
    if (outcomes.count)
        report_all(&outcomes, batch);
    if (outcomes.skipped)
        app_note(options, "skipped %zu of %zu pictures: their output files already exist", outcomes.skipped,
                 outcomes.count);
    if (status == LIMN_OK && outcomes.failed)
        return fail(error, LIMN_E_SOME, "%zu of %zu pictures failed", outcomes.failed, outcomes.count);
    return status;
}
