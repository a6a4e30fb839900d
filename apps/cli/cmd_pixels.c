/* cmd_pixels.c - limn pixels: pictures as text, as tables, their mean, and sheets cut into pieces. */
#include "apps/cli/inputs.h"
#include "apps/cli/notes.h"
#include "apps/cli/outcomes.h"
#include "apps/cli/progress.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pixels/pixels.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <string.h>

/* The most bytes of a text or table, and of a picture file, as in picture_read. The text of the largest
 * picture has about 360 MB. */
static const size_t MOST_TEXT_BYTES = SIZE_MAX / 4 < UINT32_MAX ? SIZE_MAX / 4 : (size_t)UINT32_MAX;
static const size_t MOST_PICTURE_BYTES = (size_t)1 << 30;

/* LIMN_E_USAGE without -o; `what` names its argument. */
static limn_status need_output(const struct options *options, const char *what, limn_error *error)
{
    return options->output ? LIMN_OK : fail(error, LIMN_E_USAGE, "missing -o %s", what);
}

/* Commits an output, or abandons it if `status`, that of writing it, is an error. */
static limn_status end_output(struct output *output, limn_status status, limn_error *error)
{
    if (status == LIMN_OK)
        return output_commit(output, error);
    output_abandon(output);
    return status;
}

/* ---- --json ------------------------------------------------------------------------------ */

/* Opens the object of a picture. output: NULL if it has no file of its own. */
static void report_picture(struct outcomes *outcomes, const char *input, const char *output, int64_t width,
                           int64_t height)
{
    outcomes_picture(outcomes, input, output);
    outcomes_whole(outcomes, "width", width);
    outcomes_whole(outcomes, "height", height);
}

/* Reports the only picture of an action. */
static void report_only(struct outcomes *outcomes, const char *input, const char *output,
                        const struct picture *picture)
{
    report_picture(outcomes, input, output, picture->width, picture->height);
    outcomes_picture_end(outcomes);
    outcomes_summary(outcomes);
    outcomes_end(outcomes);
}

/* Reports one of several pictures that go into one file. A failure ends the action; that of the first picture
 * is not reported in JSON. */
static void report_part(struct outcomes *outcomes, const char *input, int64_t width, int64_t height,
                        limn_status status, const limn_error *error)
{
    if (status == LIMN_OK) {
        report_picture(outcomes, input, NULL, width, height);
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

/* ---- text -------------------------------------------------------------------------------- */

static limn_status to_text(const struct options *options, limn_error *error)
{
    const char *input;
    struct picture picture;
    struct output *output;
    struct outcomes outcomes = outcomes_begin(options);
    limn_status status = app_input(options, &input, error);
    if (status == LIMN_OK)
        status = input_read(options, input, &picture, error);
    if (status != LIMN_OK)
        return status;
    status = output_open(options->output ? options->output : "-", options->force, &output, error);
    if (status == LIMN_OK)
        status = end_output(output, pixels_write_text(&picture, output, error), error);
    if (status == LIMN_OK)
        report_only(&outcomes, input, options->output, &picture);
    picture_free(&picture);
    return status;
}

static limn_status from_text(const struct options *options, limn_error *error)
{
    const char *input;
    unsigned char *text;
    size_t size;
    struct picture plane;
    const struct picture_target target = app_target(options, options->output);
    struct outcomes outcomes = outcomes_begin(options);
    limn_status status = app_input(options, &input, error);
    if (status == LIMN_OK)
        status = need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = file_read_all(input, MOST_TEXT_BYTES, LIMN_E_INPUT, &text, &size, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_read_text(text, size, input_name(input), &plane, error);
    mem_free(text);
    if (status == LIMN_OK)
        status = picture_write(&target, &plane, error);
    if (status == LIMN_OK)
        report_only(&outcomes, input, options->output, &plane);
    picture_free(&plane);
    return status;
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
    size_t plane = (size_t)(first->width * first->height) + 128;
    size_t bytes = size_product((int64_t)count - 1, plane);
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
        status = end_output(output, pixels_write_table(planes, inputs->count, output, error), error);
    report_sum(&outcomes, options->output, "rows", planes->width * planes->height, status);
    return status;
}

static limn_status dataset(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    limn_status status = options->output ? output_check(options->output, options->force, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = inputs_collect(options, &inputs, error);
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
        note_once(options, name, picture.warning);
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
        status = file_read_all(path, MOST_TEXT_BYTES, LIMN_E_INPUT, &bytes, &size, error);
        if (status == LIMN_OK)
            status = sum_bytes(options, bytes, size, input_name(path), inputs->count == 1, sums, error);
        mem_free(bytes);
        report_part(outcomes, path, sums->width, sums->height, status, error);
    }
    progress_end();
    return status;
}

static limn_status mean(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    struct pixel_sums sums = {0};
    struct picture plane = {0};
    const struct picture_target target = app_target(options, options->output);
    limn_status status = need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = output_check(options->output, options->force, error);
    if (status == LIMN_OK)
        status = inputs_collect(options, &inputs, error);
    if (status != LIMN_OK)
        return status;
    struct outcomes outcomes = outcomes_begin(options);
    status = sum_inputs(options, &inputs, &sums, &outcomes, error);
    inputs_free(&inputs);
    if (status == LIMN_OK)
        status = pixel_sums_mean(&sums, &plane, error);
    if (status == LIMN_OK)
        status = picture_write(&target, &plane, error);
    report_sum(&outcomes, options->output, "n", sums.count, status);
    picture_free(&plane);
    pixel_sums_free(&sums);
    return status;
}

/* ---- sheets ------------------------------------------------------------------------------ */

/* FOLDER/STEM_N.png, or the extension of --format, N from 1: natural order is reading order. */
static limn_status piece_path(const struct options *options, const char *sheet, int64_t index,
                              char path[SYSTEM_PATH_MAX], limn_error *error)
{
    const char *stem = system_path_name(sheet), *dot = strrchr(stem, '.');
    int length = dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem);
    if (strcmp(sheet, "-") == 0)
        stem = "piece", length = 5;
    const char *extension = picture_extension((enum picture_format)options->format);
    if (snprintf(path, SYSTEM_PATH_MAX, "%s/%.*s_%" PRId64 "%s", options->output, length, stem, index + 1,
                 extension) >= SYSTEM_PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", sheet);
    return LIMN_OK;
}

/* Checks that all pieces can be written, so that an existing file is found before any is written. */
static limn_status check_pieces(const struct options *options, const char *input, int64_t count,
                                limn_error *error)
{
    char path[SYSTEM_PATH_MAX];
    limn_status status = LIMN_OK;
    for (int64_t i = 0; status == LIMN_OK && i < count; i++) {
        status = piece_path(options, input, i, path, error);
        if (status == LIMN_OK)
            status = output_check(path, options->force, error);
    }
    return status;
}

static void report_piece(struct outcomes *outcomes, const char *input, const char *path,
                         const struct picture *piece, int64_t row, int64_t column)
{
    report_picture(outcomes, input, path, piece->width, piece->height);
    outcomes_whole(outcomes, "row", row);
    outcomes_whole(outcomes, "column", column);
    outcomes_picture_end(outcomes);
}

static limn_status write_pieces(const struct options *options, const char *input, const struct picture *sheet,
                                const struct pixel_grid *grid, struct outcomes *outcomes, limn_error *error)
{
    char path[SYSTEM_PATH_MAX] = "";
    const struct picture_target target = app_target(options, path);
    limn_status status = LIMN_OK;
    for (int64_t i = 0; status == LIMN_OK && i < grid->rows * grid->columns; i++) {
        struct picture piece;
        status = pixels_piece(sheet, grid, i, &piece, error);
        if (status == LIMN_OK)
            status = piece_path(options, input, i, path, error);
        if (status == LIMN_OK)
            status = picture_write(&target, &piece, error);
        if (status == LIMN_OK)
            report_piece(outcomes, input, path, &piece, i / grid->columns, i % grid->columns);
        else if (i)
            outcomes_failure(outcomes, input, error->message);
        picture_free(&piece);
    }
    if (outcomes->count) {
        outcomes_summary(outcomes);
        outcomes_end(outcomes);
    }
    return status;
}

static limn_status split(const struct options *options, limn_error *error)
{
    const char *input;
    struct picture sheet;
    struct outcomes outcomes = outcomes_begin(options);
    struct pixel_grid grid = {options->grid_rows, options->grid_columns, options->height, options->width};
    limn_status status = app_input(options, &input, error);
    if (status == LIMN_OK && !grid.rows)
        status = fail(error, LIMN_E_USAGE, "missing --grid RxC, the rows and columns of pieces");
    if (status == LIMN_OK)
        status = need_output(options, "FOLDER", error);
    if (status == LIMN_OK)
        status = input_read(options, input, &sheet, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_check_grid(&sheet, input_name(input), &grid, error);
    if (status == LIMN_OK)
        status = folder_create(options->output, error);
    if (status == LIMN_OK)
        status = check_pieces(options, input, grid.rows * grid.columns, error);
    if (status == LIMN_OK)
        status = write_pieces(options, input, &sheet, &grid, &outcomes, error);
    picture_free(&sheet);
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

limn_status pixels_run(const struct options *options, limn_error *error)
{
    static const char *const names[] = {"to-text", "from-text", "dataset", "mean", "split", NULL};
    static limn_status (*const actions[])(const struct options *options,
                                          limn_error *error) = {to_text, from_text, dataset, mean, split};
    const char *name = options->argument_count ? options->arguments[0] : "";
    struct options rest = *options; /* without the name of the action */
    int chosen;
    limn_status status = word_choose("pixels", name, names, &chosen, error);
    if (status != LIMN_OK)
        return status;
    rest.arguments++;
    rest.argument_count--;
    if (actions[chosen] != split && (options->grid_rows || options->height))
        return fail(error, LIMN_E_USAGE, "--grid and --size apply only to split");
    if (actions[chosen] != dataset && actions[chosen] != mean && options->recursive)
        return fail(error, LIMN_E_USAGE, "--recursive applies only to dataset and mean");
    if (options->json)
        status = need_output(options, "OUTPUT", error);
    if (status == LIMN_OK)
        status = outcomes_check(options, error);
    return status == LIMN_OK ? actions[chosen](&rest, error) : status;
}
