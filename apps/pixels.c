/* pixels.c - limn pixels: pictures as text and tables, mean pictures, sheets cut into pieces. */
#include "files.h"
#include "inputs.h"
#include "memory.h"
#include "pixels.h"
#include "progress.h"
#include "suggest.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* The most bytes of an input: a text of the largest picture has about 360 MB, a table of many pictures more,
 * and picture files end where picture_read's do. */
static const size_t MOST_TEXT_BYTES = (size_t)1 << 32, MOST_PICTURE_BYTES = (size_t)1 << 30;

static limn_status read_picture(const struct options *options, const char *path, struct picture *picture,
                                limn_error *error)
{
    limn_status status = picture_read(path, !options->no_orient, picture, error);
    if (status == LIMN_OK && picture->warning[0])
        app_note(options, "%s: %s", input_name(path), picture->warning);
    return status;
}

static limn_status need_output(const struct options *options, const char *what, limn_error *error)
{
    return options->output ? LIMN_OK : fail(error, LIMN_E_USAGE, "where to? -o %s is needed", what);
}

static limn_status only_input(const struct options *options, const char **input, limn_error *error)
{
    struct options behind_action = *options;
    behind_action.arguments++;
    behind_action.argument_count--;
    return app_input(&behind_action, input, error);
}

/* ---- text -------------------------------------------------------------------------------- */

/* Ends an output by what came of writing it. */
static limn_status end_output(struct output *output, limn_status status, limn_error *error)
{
    if (status == LIMN_OK)
        return output_commit(output, error);
    output_abandon(output);
    return status;
}

static limn_status to_text(const struct options *options, limn_error *error)
{
    const char *input;
    struct picture picture;
    struct output *output;
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK)
        status = read_picture(options, input, &picture, error);
    if (status != LIMN_OK)
        return status;
    status = output_open(options->output ? options->output : "-", options->force, &output, error);
    if (status == LIMN_OK)
        status = end_output(output, pixels_write_text(&picture, output, error), error);
    picture_free(&picture);
    return status;
}

static limn_status from_text(const struct options *options, limn_error *error)
{
    const char *input;
    unsigned char *text;
    size_t size;
    struct picture plane;
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK)
        status = need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = file_read_all(input, MOST_TEXT_BYTES, LIMN_E_INPUT, &text, &size, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_read_text(text, size, input_name(input), &plane, error);
    mem_free(text);
    if (status == LIMN_OK)
        status = pixels_write_plane(options->output, &plane, (int)options->quality, options->force, error);
    picture_free(&plane);
    return status;
}

/* ---- sets of pictures -------------------------------------------------------------------- */

static limn_status read_plane(const struct options *options, const char *path, struct picture *plane,
                              limn_error *error)
{
    struct picture picture;
    limn_status status = read_picture(options, path, &picture, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_grey(&picture, GREY_OPENCV, plane, error);
    picture_free(&picture);
    return status;
}

/* All planes stand in memory together: looked at when the first has told their size. */
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
    return fail_need(error, what, bytes, "a table over fewer");
}

static limn_status write_table(const struct options *options, const struct inputs *inputs,
                               struct picture *planes, limn_error *error)
{
    struct output *output;
    limn_status status = LIMN_OK;
    progress_begin(options, (int64_t)inputs->count, "pictures", false);
    for (size_t i = 0; status == LIMN_OK && i < inputs->count; i++) {
        progress_show((int64_t)i);
        status = read_plane(options, inputs->list[i].path, &planes[i], error);
        if (status == LIMN_OK && i == 0)
            status = check_planes(planes, inputs->count, error);
        if (status == LIMN_OK)
            status = pixels_check_size(&planes[i], input_name(inputs->list[i].path), planes->width,
                                       planes->height, error);
    }
    progress_end();
    if (status == LIMN_OK)
        status = output_open(options->output ? options->output : "-", options->force, &output, error);
    if (status == LIMN_OK)
        status = end_output(output, pixels_write_table(planes, inputs->count, output, error), error);
    return status;
}

static limn_status dataset(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    limn_status status = inputs_collect(options, 1, &inputs, error);
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

/* A picture, or the table of several: its content tells. */
static limn_status sum_bytes(const struct options *options, const unsigned char *bytes, size_t size,
                             const char *name, bool only, struct pixel_sums *sums, limn_error *error)
{
    struct picture picture;
    if (pixels_is_table(bytes, size))
        return only ? pixel_sums_read_table(bytes, size, name, sums, error)
                    : fail(error, LIMN_E_USAGE, "%s: a table can only be the only input", name);
    if (size > MOST_PICTURE_BYTES)
        return fail(error, LIMN_E_INPUT, "%s: neither a table of pixels nor a picture that could be read",
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
                              struct pixel_sums *sums, limn_error *error)
{
    limn_status status = LIMN_OK;
    progress_begin(options, (int64_t)inputs->count, "pictures", false);
    for (size_t i = 0; status == LIMN_OK && i < inputs->count; i++) {
        unsigned char *bytes;
        size_t size;
        progress_show((int64_t)i);
        const char *path = inputs->list[i].path;
        status = file_read_all(path, MOST_TEXT_BYTES, LIMN_E_INPUT, &bytes, &size, error);
        if (status == LIMN_OK)
            status = sum_bytes(options, bytes, size, input_name(path), inputs->count == 1, sums, error);
        mem_free(bytes);
    }
    progress_end();
    return status;
}

static limn_status mean(const struct options *options, limn_error *error)
{
    struct inputs inputs;
    struct pixel_sums sums = {0};
    struct picture plane = {0};
    limn_status status = need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = inputs_collect(options, 1, &inputs, error);
    if (status != LIMN_OK)
        return status;
    status = sum_inputs(options, &inputs, &sums, error);
    inputs_free(&inputs);
    if (status == LIMN_OK)
        status = pixel_sums_mean(&sums, &plane, error);
    if (status == LIMN_OK)
        status = pixels_write_plane(options->output, &plane, (int)options->quality, options->force, error);
    picture_free(&plane);
    pixel_sums_free(&sums);
    return status;
}

/* ---- sheets ------------------------------------------------------------------------------ */

/* FOLDER/STEM_N.png, N from 1: natural order is reading order. */
static limn_status piece_path(const struct options *options, const char *sheet, int64_t index,
                              char path[PATH_MAX], limn_error *error)
{
    const char *slash = strrchr(sheet, '/'), *stem = slash ? slash + 1 : sheet, *dot = strrchr(stem, '.');
    int length = dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem);
    if (strcmp(sheet, "-") == 0)
        stem = "piece", length = 5;
    if (snprintf(path, PATH_MAX, "%s/%.*s_%" PRId64 ".png", options->output, length, stem, index + 1) >=
        PATH_MAX)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", sheet);
    return LIMN_OK;
}

/* Looks whether all pieces could be written now, so that a file which stands already is found before others
 * are made. */
static limn_status try_pieces(const struct options *options, const char *input, int64_t count,
                              limn_error *error)
{
    char path[PATH_MAX];
    struct output *output;
    limn_status status = LIMN_OK;
    for (int64_t i = 0; status == LIMN_OK && i < count; i++) {
        status = piece_path(options, input, i, path, error);
        if (status == LIMN_OK)
            status = output_open(path, options->force, &output, error);
        if (status == LIMN_OK)
            output_abandon(output);
    }
    return status;
}

static limn_status write_pieces(const struct options *options, const char *input, const struct picture *sheet,
                                const struct pixel_grid *grid, limn_error *error)
{
    char path[PATH_MAX];
    limn_status status = LIMN_OK;
    for (int64_t i = 0; status == LIMN_OK && i < grid->rows * grid->columns; i++) {
        struct picture piece;
        status = pixels_piece(sheet, grid, i, &piece, error);
        if (status == LIMN_OK)
            status = piece_path(options, input, i, path, error);
        if (status == LIMN_OK)
            status = picture_write(path, &piece, (int)options->quality, options->force, error);
        picture_free(&piece);
    }
    return status;
}

static limn_status split(const struct options *options, limn_error *error)
{
    const char *input;
    struct picture sheet;
    struct pixel_grid grid = {options->grid_rows, options->grid_columns, options->height, options->width};
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK && !grid.rows)
        status = fail(error, LIMN_E_USAGE, "--grid RxC is needed: the rows and columns of pieces");
    if (status == LIMN_OK)
        status = need_output(options, "FOLDER", error);
    if (status == LIMN_OK)
        status = read_picture(options, input, &sheet, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_check_grid(&sheet, input_name(input), &grid, error);
    if (status == LIMN_OK)
        status = folder_create(options->output, error);
    if (status == LIMN_OK)
        status = try_pieces(options, input, grid.rows * grid.columns, error);
    if (status == LIMN_OK)
        status = write_pieces(options, input, &sheet, &grid, error);
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
    int chosen;
    limn_status status = word_choose("pixels", name, names, &chosen, error);
    if (status != LIMN_OK)
        return status;
    if (actions[chosen] != split && (options->grid_rows || options->height))
        return fail(error, LIMN_E_USAGE, "--grid and --size belong to split");
    if (actions[chosen] != dataset && actions[chosen] != mean && options->recursive)
        return fail(error, LIMN_E_USAGE, "--recursive belongs to dataset and mean");
    return actions[chosen](options, error);
}
