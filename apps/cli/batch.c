/* batch.c - see batch.h. */
#include "apps/cli/batch.h"
#include "apps/cli/outcomes.h"
#include "apps/cli/progress.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct batch {
    struct inputs inputs;
    char **outputs; /* of each input */
    bool to_folder;
};

static void batch_free(struct batch *batch)
{
    if (batch->outputs)
        names_free(batch->outputs, batch->inputs.count);
    inputs_free(&batch->inputs);
}

/* FOLDER/NAME, with .png for an extension that cannot be written, or for any. */
static limn_status output_path(const char *folder, const struct input *input, bool png, char path[PATH_MAX],
                               limn_error *error)
{
    const char *name = input->name, *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    bool keep = !png && picture_format_known(&(struct picture_target){.path = name});
    int stem = keep || !dot ? (int)strlen(name) : (int)(dot - name);
    if (snprintf(path, PATH_MAX, "%s/%.*s%s", folder, stem, name, keep ? "" : ".png") >= PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", input->path);
    return LIMN_OK;
}

static limn_status name_outputs(const struct options *options, bool png, struct batch *batch,
                                limn_error *error)
{
    char path[PATH_MAX];
    limn_status status = LIMN_OK;
    size_t count = batch->inputs.count;
    if (!(batch->outputs = mem_zalloc(count, sizeof *batch->outputs)))
        return fail_memory(error, "the list of outputs", count * sizeof *batch->outputs);
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        const char *output = options->output;
        if (batch->to_folder) {
            status = output_path(options->output, &batch->inputs.list[i], png, path, error);
            output = path;
        }
        if (status == LIMN_OK && !(batch->outputs[i] = mem_strdup(output)))
            status = fail_memory(error, output, strlen(output) + 1);
    }
    return status;
}

/* Sorts by output, equal ones by input. */
static int compare_outputs(const void *left, const void *right)
{
    char **a = *(char **const *)left, **b = *(char **const *)right;
    int order = strcmp(*a, *b);
    return order ? order : (a > b) - (a < b);
}

/* Checks that no two inputs are written to the same file. */
static limn_status check_outputs(const struct batch *batch, limn_error *error)
{
    size_t count = batch->inputs.count, bytes = count * sizeof(char **);
    char ***sorted = mem_alloc(bytes);
    const struct input *list = batch->inputs.list;
    limn_status status = LIMN_OK;
    if (!sorted)
        return fail_memory(error, "the list of outputs", bytes);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &batch->outputs[i];
    qsort(sorted, count, sizeof *sorted, compare_outputs);
    for (size_t i = 1; status == LIMN_OK && i < count; i++)
        if (strcmp(*sorted[i - 1], *sorted[i]) == 0)
            status = fail(error, LIMN_E_USAGE, "%s and %s would both be written to %s",
                          list[sorted[i - 1] - batch->outputs].path, list[sorted[i] - batch->outputs].path,
                          *sorted[i]);
    mem_free(sorted);
    return status;
}

static limn_status collect(const struct options *options, bool png, struct batch *batch, limn_error *error)
{
    int given = options->argument_count + (options->input != NULL);
    const char *output = options->output;
    if (!given)
        return fail(error, LIMN_E_USAGE, "missing INPUT: a picture, a folder, or - for standard input");
    if (!output)
        return fail(error, LIMN_E_USAGE, "missing -o OUTPUT");
    bool several = given > 1;
    limn_status status = outcomes_check(options, error);
    if (status == LIMN_OK)
        status = folder_find(output, LIMN_E_OUTPUT, &batch->to_folder, error);
    if (status == LIMN_OK && !several)
        status = folder_find(options->input ? options->input : options->arguments[0], LIMN_E_INPUT, &several,
                             error);
    if (status != LIMN_OK)
        return status;
    if (several && strcmp(output, "-") == 0)
        return fail(error, LIMN_E_USAGE,
                    "several pictures cannot be written to standard output; use -o FOLDER");
    batch->to_folder = batch->to_folder || several;
    if (!batch->to_folder && !picture_format_known(&(struct picture_target){.path = output}))
        return fail(error, LIMN_E_USAGE, "%s: unknown extension (use .png, .jpg, .bmp, .ppm, .pgm or .pnm)",
                    output);
    status = inputs_collect(options, &batch->inputs, error);
    if (status == LIMN_OK)
        status = name_outputs(options, png, batch, error);
    if (status == LIMN_OK)
        status = check_outputs(batch, error);
    return status == LIMN_OK && batch->to_folder ? folder_create(output, error) : status;
}

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

static limn_status run_one(const struct options *options, const struct batch *batch, size_t index,
                           const struct batch_job *job, limn_error *error)
{
    const struct input *input = &batch->inputs.list[index];
    char *output = batch->outputs[index];
    limn_status status = batch->to_folder ? make_folders(output, options->output, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = job->step(job->context, input, output, error);
    if (status == LIMN_E_MEMORY)
        name_picture(input->path, error);
    return status;
}

static void report_one(struct outcomes *outcomes, const struct batch *batch, size_t index,
                       const struct batch_job *job)
{
    outcomes_picture(outcomes, batch->inputs.list[index].path, batch->outputs[index]);
    if (outcomes->json && job->picture_members)
        job->picture_members(job->context);
    outcomes_picture_end(outcomes);
}

static void report_all(const struct outcomes *outcomes, const struct batch_job *job)
{
    outcomes_summary(outcomes);
    if (outcomes->json && job->whole_members)
        job->whole_members(job->context);
    outcomes_end(outcomes);
}

/* Runs the step for all inputs. */
static limn_status run_all(const struct options *options, const struct batch *batch,
                           const struct batch_job *job, limn_error *error)
{
    limn_status status = LIMN_OK;
    size_t count = batch->inputs.count;
    struct outcomes outcomes = outcomes_begin(options);
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        progress_show((int64_t)i);
        status = run_one(options, batch, i, job, error);
        /* Bad weights fail for every picture; with a smaller picture there may be enough memory. */
        if (status != LIMN_OK)
            app_remedy(error);
        bool ends = status == LIMN_E_WEIGHTS || (status != LIMN_OK && count == 1);
        if (status == LIMN_OK)
            report_one(&outcomes, batch, i, job);
        else if (i || !ends)
            outcomes_failure(&outcomes, batch->inputs.list[i].path, error->message);
        if (status == LIMN_OK || ends)
            continue;
        app_warn("%s", error->message);
        status = LIMN_OK;
    }
    if (outcomes.count)
        report_all(&outcomes, job);
    if (status == LIMN_OK && outcomes.failed)
        return fail(error, LIMN_E_SOME, "%zu of %zu pictures failed", outcomes.failed, count);
    return status;
}

limn_status batch_run(const struct options *options, const struct batch_job *job, limn_error *error)
{
    struct batch batch = {0};
    limn_status status = collect(options, job->png, &batch, error);
    if (status == LIMN_OK) {
        progress_begin(options, (int64_t)batch.inputs.count, "pictures", options->json || options->truth);
        status = run_all(options, &batch, job, error);
        progress_end();
    }
    batch_free(&batch);
    return status;
}
