/* pixels_sets.c - limn pixels dataset and mean: many pictures into one file. */
#include "apps/cli/inputs.h"
#include "apps/cli/pixels_actions.h"
#include "apps/cli/progress.h"
#include "engine/base/memory.h"
#include "engine/pixels/pixels.h"

#include <inttypes.h>

/* The most bytes of an input of mean: a table of many pictures, and a picture file as in picture_read. */
static const size_t MOST_TABLE_BYTES = (size_t)1 << 32, MOST_PICTURE_BYTES = (size_t)1 << 30;

/* ---- --json ------------------------------------------------------------------------------ */

/* Reports one of several pictures that go into one file. A failure ends the action; that of the first picture
 * is not reported in JSON. */
static void report_part(struct outcomes *outcomes, const char *input, int64_t width, int64_t height,
                        limn_status status, const limn_error *error)
{
    if (status == LIMN_OK) {
        outcomes_picture(outcomes, input, NULL);
        action_report_size(outcomes, width, height);
        outcomes_picture_end(outcomes);
    } else if (outcomes->count) {
        outcomes_failure(outcomes, input, error->message);
    }
}

/* Reports the file. */
static void report_sum(const struct outcomes *outcomes, const char *output, const char *key, int64_t number,
                       limn_status status)
{
    if (!outcomes->count)
        return;
    outcomes_summary(outcomes);
    if (status == LIMN_OK) {
        outcomes_text(outcomes, "output", output);
        outcomes_whole(outcomes, key, number);
    }
    outcomes_end(outcomes);
}

/* ---- dataset ----------------------------------------------------------------------------- */

static limn_status read_plane(const struct options *options, const char *path, struct picture *plane,
                              limn_error *error)
{
    struct picture picture;
    limn_status status = input_read(options, path, &picture, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_grey(&picture, GREY_OPENCV, plane, error);
    picture_free(&picture);
    return status;
}

/* All planes are in memory together. Their size is known after the first. */
static limn_status check_planes(const struct picture *first, size_t count, limn_error *error)
{
    char what[80];
    size_t plane = (size_t)(first->width * first->height) + 128, bytes;
    if (!size_multiply(plane, count - 1, &bytes))
        bytes = SIZE_MAX;
    if (bytes <= mem_available())
        return LIMN_OK;
    snprintf(what, sizeof what, "a table over %zu pictures of %" PRId64 " x %" PRId64 " pixels", count,
             first->width, first->height);
    return fail_need(error, LIMN_REASON_NONE, what, bytes, "a table over fewer");
}

static limn_status read_planes(const struct options *options, const struct inputs *inputs,
                               struct picture *planes, struct outcomes *outcomes, limn_error *error)
{
    limn_status status = LIMN_OK;
    progress_begin(options, (int64_t)inputs->count, "pictures", options->json);
    for (size_t i = 0; status == LIMN_OK && i < inputs->count; i++) {
        const char *path = inputs->list[i].path;
        progress_show((int64_t)i);
        status = read_plane(options, path, &planes[i], error);
        if (status == LIMN_OK && i == 0)
            status = check_planes(planes, inputs->count, error);
        if (status == LIMN_OK)
            status = pixels_check_size(&planes[i], input_name(path), planes->width, planes->height, error);
        report_part(outcomes, path, planes[i].width, planes[i].height, status, error);
    }
    progress_end();
    return status;
}

static limn_status write_table(const struct options *options, const struct inputs *inputs,
                               struct picture *planes, limn_error *error)
{
    struct output *output;
    struct outcomes outcomes = outcomes_begin(options);
    limn_status status = read_planes(options, inputs, planes, &outcomes, error);
    if (status == LIMN_OK)
        status = output_open(options->output ? options->output : "-", options->force, &output, error);
    if (status == LIMN_OK)
        status = action_end_output(output, pixels_write_table(planes, inputs->count, output, error), error);
    report_sum(&outcomes, options->output, "rows", planes->width * planes->height, status);
    return status;
}

limn_status action_dataset(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    limn_status status = options->output ? output_check(options->output, options->force, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = inputs_collect(options, 1, &inputs, error);
    if (status != LIMN_OK)
        return status;
    struct picture *planes = mem_zalloc(inputs.count, sizeof *planes);
    status = planes ? write_table(options, &inputs, planes, error)
                    : fail_memory(error, "the list of pictures", inputs.count * sizeof *planes);
    for (size_t i = 0; planes && i < inputs.count; i++)
        picture_free(&planes[i]);
    mem_free(planes);
    inputs_free(&inputs);
    return status;
}

/* ---- mean -------------------------------------------------------------------------------- */

/* Adds a picture, or a table of several, recognised by its content. */
static limn_status sum_bytes(const struct options *options, const unsigned char *bytes, size_t size,
                             const char *name, bool only, struct pixel_sums *sums, limn_error *error)
{
    struct picture picture;
    if (pixels_is_table(bytes, size))
        return only ? pixel_sums_read_table(bytes, size, name, sums, error)
                    : fail(error, LIMN_E_USAGE, "%s: a table must be the only input", name);
    if (size > MOST_PICTURE_BYTES)
        return fail(error, LIMN_E_INPUT, "%s: neither a table of pixels nor a picture within the size limit",
                    name);
    limn_status status = picture_decode(bytes, size, name, !options->no_orient, &picture, error);
    if (status != LIMN_OK)
        return status;
    if (picture.warning[0])
        app_note(options, "%s: %s", name, picture.warning);
    status = pixel_sums_add(sums, &picture, name, error);
    picture_free(&picture);
    return status;
}

static limn_status sum_inputs(const struct options *options, const struct inputs *inputs,
                              struct pixel_sums *sums, struct outcomes *outcomes, limn_error *error)
{
    limn_status status = LIMN_OK;
    progress_begin(options, (int64_t)inputs->count, "pictures", options->json);
    for (size_t i = 0; status == LIMN_OK && i < inputs->count; i++) {
        unsigned char *bytes;
        size_t size;
        progress_show((int64_t)i);
        const char *path = inputs->list[i].path;
        status = file_read_all(path, MOST_TABLE_BYTES, LIMN_E_INPUT, &bytes, &size, error);
        if (status == LIMN_OK)
            status = sum_bytes(options, bytes, size, input_name(path), inputs->count == 1, sums, error);
        mem_free(bytes);
        report_part(outcomes, path, sums->width, sums->height, status, error);
    }
    progress_end();
    return status;
}

limn_status action_mean(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    struct pixel_sums sums = {0};
    struct picture plane = {0};
    limn_status status = action_need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = output_check(options->output, options->force, error);
    if (status == LIMN_OK)
        status = inputs_collect(options, 1, &inputs, error);
    if (status != LIMN_OK)
        return status;
    struct outcomes outcomes = outcomes_begin(options);
    status = sum_inputs(options, &inputs, &sums, &outcomes, error);
    inputs_free(&inputs);
    if (status == LIMN_OK)
        status = pixel_sums_mean(&sums, &plane, error);
    if (status == LIMN_OK)
        status = picture_write(options->output, &plane, (int)options->quality, options->force, error);
    report_sum(&outcomes, options->output, "n", sums.count, status);
    picture_free(&plane);
    pixel_sums_free(&sums);
    return status;
}
