/* cmd_generate.c - limn generate: generate pictures from noise, as one sheet or in a folder. */
#include "apps/cli/app.h"
#include "apps/cli/outcomes.h"
#include "apps/cli/progress.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pictures/grid.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/latents.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_COUNT = 16 };

/* What the command line requests. */
struct task {
    const struct options *options;
    int64_t walk[2];               /* seeds */
    int64_t count, done;           /* pictures: all, and those made so far */
    float *latents;                /* NULL: those of --seed */
    struct grid grid;              /* of a sheet */
    struct picture_writer *writer; /* of a sheet */
    bool to_folder;
    char folder[SYSTEM_PATH_MAX];
    double begun; /* by system_seconds */
};

/* ---- arguments --------------------------------------------------------------------------- */

static limn_status parse_walk(const char *text, struct task *task, limn_error *error)
{
    int64_t numbers[3];
    char *end = (char *)text;
    bool good = true;
    for (int i = 0; good && i < 3; i++) {
        const char *start = end;
        errno = 0;
        numbers[i] = strtoll(start, &end, 10);
        good = end != start && !errno && numbers[i] >= 0 && *end == (i < 2 ? ',' : 0);
        end += i < 2;
    }
    if (!good || numbers[2] < 2 || numbers[2] > GENERATE_MOST)
        return fail(error, LIMN_E_USAGE,
                    "--walk %s: expected A,B,N: two seeds and a number of pictures from 2 to %d", text,
                    GENERATE_MOST);
    task->walk[0] = numbers[0];
    task->walk[1] = numbers[1];
    task->count = numbers[2];
    return LIMN_OK;
}

static limn_status check_output(struct task *task, limn_error *error)
{
    const char *output = task->options->output;
    struct picture_target target = app_target(task->options, output);
    if (!output)
        return fail(error, LIMN_E_USAGE, "missing -o OUTPUT: a picture file, or a folder");
    limn_status status = folder_find(output, LIMN_E_OUTPUT, &task->to_folder, error);
    if (status != LIMN_OK)
        return status;
    task->to_folder = task->to_folder || (*output && !*system_path_name(output));
    if (!task->to_folder && !picture_format_known(&target))
        return fail(
            error, LIMN_E_USAGE,
            "%s: unknown extension (use .png, .jpg, .bmp, .ppm, .pgm or .pnm, or end a folder's name with /)",
            output);
    if ((status = outcomes_check(task->options, error)) != LIMN_OK)
        return status;
    if (snprintf(task->folder, sizeof task->folder, "%.*s", (int)system_path_trimmed(output), output) >=
        (int)sizeof task->folder)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", output);
    return LIMN_OK;
}

static limn_status check_arguments(struct task *task, limn_error *error)
{
    const struct options *options = task->options;
    if (options->argument_count)
        return fail(error, LIMN_E_USAGE, "%s: generate takes no input", options->arguments[0]);
    if (options->latent && options->walk)
        return fail(error, LIMN_E_USAGE, "--latent and --walk exclude each other");
    if ((options->latent || options->walk) && (options->count || options->seed))
        return fail(error, LIMN_E_USAGE, "--%s excludes -n and --seed", options->walk ? "walk" : "latent");
    task->count = options->count ? options->count : DEFAULT_COUNT;
    limn_status status = options->walk ? parse_walk(options->walk, task, error) : LIMN_OK;
    return status == LIMN_OK ? check_output(task, error) : status;
}

/* Latent vectors of `size` values from a file or a walk; those of a seed are left to the pipeline. */
static limn_status make_latents(struct task *task, int64_t size, limn_error *error)
{
    const struct options *options = task->options;
    if (options->latent)
        return latents_read(options->latent, size, &task->latents, &task->count, error);
    if (options->walk)
        return latents_create_walk((uint64_t)task->walk[0], (uint64_t)task->walk[1], task->count, size,
                                   &task->latents, error);
    return LIMN_OK;
}

/* ---- outputs ----------------------------------------------------------------------------- */

/* The file of picture `index`. All numbers have as many digits as the last one, at least 4, so that names
 * sort by number and as text alike. */
static limn_status file_name(const struct task *task, int64_t index, char path[SYSTEM_PATH_MAX],
                             limn_error *error)
{
    int digits = snprintf(NULL, 0, "%" PRId64, task->count - 1);
    const char *extension = picture_extension((enum picture_format)task->options->format);
    int length = task->to_folder ? snprintf(path, SYSTEM_PATH_MAX, "%s/%0*" PRId64 "%s", task->folder,
                                            digits < 4 ? 4 : digits, index, extension)
                                 : snprintf(path, SYSTEM_PATH_MAX, "%s", task->options->output);
    return length < SYSTEM_PATH_MAX
               ? LIMN_OK
               : fail(error, LIMN_E_USAGE, "%s: the path is too long", task->options->output);
}

/* Before any work: makes the folder and checks that its files do not exist yet, or opens the sheet's file. */
static limn_status open_output(void *context, const struct picture *made, limn_error *error)
{
    struct task *task = context;
    int64_t side = made->width;
    const struct options *options = task->options;
    struct picture_target sheet = app_target(options, options->output);
    char path[SYSTEM_PATH_MAX];
    limn_status status;
    if (!task->to_folder) {
        status = grid_begin(task->count, side, side, &task->grid, error);
        return status == LIMN_OK
                   ? picture_writer_open(&sheet, task->grid.width, task->grid.height, 3, &task->writer, error)
                   : status;
    }
    status = folder_create(task->folder, error);
    for (int64_t i = 0; status == LIMN_OK && !options->force && i < task->count; i++) {
        status = file_name(task, i, path, error);
        if (status == LIMN_OK && system_exists(path))
            status = fail_because(error, LIMN_E_OUTPUT, LIMN_REASON_EXISTS, "%s: already exists", path);
    }
    return status;
}

/* What is held from then on: the strip and the writer of the sheet, or the writer of a picture. */
static size_t output_bytes(const struct task *task, int64_t side)
{
    int64_t width, height;
    struct picture_target target =
        app_target(task->options, task->to_folder ? ".png" : task->options->output);
    if (task->to_folder)
        return picture_writer_bytes(&target, side, side, 3);
    size_t grid = grid_size(task->count, side, side, &width, &height);
    return grid + picture_writer_bytes(&target, width, height, 3);
}

static limn_status take_picture(void *context, const struct picture *picture, limn_error *error)
{
    struct task *task = context;
    char path[SYSTEM_PATH_MAX];
    if (!task->to_folder)
        return grid_add(&task->grid, picture, task->writer, error);
    limn_status status = file_name(task, task->done++, path, error);
    struct picture_target target = app_target(task->options, path);
    return status == LIMN_OK ? picture_write(&target, picture, error) : status;
}

static bool show_progress(void *context, double done)
{
    const struct task *task = context;
    int64_t pictures = (int64_t)(done * (double)task->count);
    if (pictures)
        progress_part(pictures, task->count, "pictures");
    return true;
}

static limn_status print_report(const struct task *task, limn_error *error)
{
    const struct options *options = task->options;
    char path[SYSTEM_PATH_MAX];
    if (options->latent) {
        print_json_string("{\"latent\": ", options->latent);
    } else if (options->walk) {
        printf("{\"walk\": [%" PRId64 ", %" PRId64 "]", task->walk[0], task->walk[1]);
    } else {
        printf("{\"seed\": %" PRId64, options->seed);
    }
    printf(", \"n\": %" PRId64 ", \"files\": [", task->count);
    for (int64_t i = 0; i < (task->to_folder ? task->count : 1); i++) {
        limn_status status = file_name(task, i, path, error);
        if (status != LIMN_OK)
            return status;
        print_json_string(i ? ", " : "", path);
    }
    printf("], \"seconds\": %.6f}\n", system_seconds() - task->begun);
    return LIMN_OK;
}

/* ---- command ----------------------------------------------------------------------------- */

static limn_status generate_all(struct task *task, limn_model *model, limn_error *error)
{
    struct generator generator;
    struct watch watch = watch_of(&(limn_watch){show_progress, task});
    task->begun = system_seconds();
    limn_status status = generator_of(model, &generator, error);
    if (status == LIMN_OK)
        status = make_latents(task, generator.latent, error);
    progress_begin(task->options, 1, "sheet", false);
    if (status == LIMN_OK) {
        const struct generate how = {.latents = task->latents,
                                     .seed = (uint64_t)task->options->seed,
                                     .count = task->count,
                                     .fixed_range = task->options->fixed_range,
                                     .sink = {.begin = open_output,
                                              .rows = take_picture,
                                              .context = task,
                                              .reserve = output_bytes(task, generator.side)},
                                     .watch = &watch};
        status = generate_pictures(model, &how, error);
    }
    progress_end();
    if (status == LIMN_OK && task->writer)
        status = picture_writer_commit(task->writer, error);
    else
        picture_writer_abandon(task->writer);
    grid_free(&task->grid);
    mem_free(task->latents);
    return status == LIMN_OK && task->options->json ? print_report(task, error) : status;
}

limn_status generate_run(const struct options *options, limn_error *error)
{
    struct task task = {.options = options};
    limn_model *model;
    limn_status status = check_arguments(&task, error);
    if (status == LIMN_OK)
        status = app_model(options, app_weights(options, LIMN_TASK_GENERATE), &model, error);
    if (status != LIMN_OK)
        return status;
    status = generate_all(&task, model, error);
    app_model_end(model, status);
    return status;
}
