/* cmd_pixels.c - limn pixels: pictures as text, sheets cut into pieces. Sets of pictures are in
 * pixels_sets.c. */
#include "apps/cli/inputs.h"
#include "apps/cli/pixels_actions.h"
#include "apps/cli/suggest.h"
#include "engine/base/memory.h"
#include "engine/pixels/pixels.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* The most bytes of a text. That of the largest picture has about 360 MB. */
static const size_t MOST_TEXT_BYTES = (size_t)1 << 32;

/* The single input of an action, whose name is the first argument. */
static limn_status only_input(const struct options *options, const char **input, limn_error *error)
{
    struct options after_action = *options;
    after_action.arguments++;
    after_action.argument_count--;
    return app_input(&after_action, input, error);
}

/* ---- --json ------------------------------------------------------------------------------ */

/* Reports the only picture of an action. */
static void report_only(struct outcomes *outcomes, const char *input, const char *output,
                        const struct picture *picture)
{
    outcomes_picture(outcomes, input, output);
    action_report_size(outcomes, picture->width, picture->height);
    outcomes_picture_end(outcomes);
    outcomes_summary(outcomes);
    outcomes_end(outcomes);
}

/* ---- text -------------------------------------------------------------------------------- */

static limn_status to_text(const struct options *options, limn_error *error)
{
    const char *input;
    struct picture picture;
    struct output *output;
    struct outcomes outcomes = outcomes_begin(options);
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK)
        status = input_read(options, input, &picture, error);
    if (status != LIMN_OK)
        return status;
    status = output_open(options->output ? options->output : "-", options->force, &output, error);
    if (status == LIMN_OK)
        status = action_end_output(output, pixels_write_text(&picture, output, error), error);
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
    struct outcomes outcomes = outcomes_begin(options);
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK)
        status = action_need_output(options, "PICTURE", error);
    if (status == LIMN_OK)
        status = file_read_all(input, MOST_TEXT_BYTES, LIMN_E_INPUT, &text, &size, error);
    if (status != LIMN_OK)
        return status;
    status = pixels_read_text(text, size, input_name(input), &plane, error);
    mem_free(text);
    if (status == LIMN_OK)
        status = picture_write(options->output, &plane, (int)options->quality, options->force, error);
    if (status == LIMN_OK)
        report_only(&outcomes, input, options->output, &plane);
    picture_free(&plane);
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

/* Checks that all pieces can be written, so that an existing file is found before any is written. */
static limn_status check_pieces(const struct options *options, const char *input, int64_t count,
                                limn_error *error)
{
    char path[PATH_MAX];
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
    outcomes_picture(outcomes, input, path);
    action_report_size(outcomes, piece->width, piece->height);
    outcomes_whole(outcomes, "row", row);
    outcomes_whole(outcomes, "column", column);
    outcomes_picture_end(outcomes);
}

static limn_status write_pieces(const struct options *options, const char *input, const struct picture *sheet,
                                const struct pixel_grid *grid, struct outcomes *outcomes, limn_error *error)
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
    limn_status status = only_input(options, &input, error);
    if (status == LIMN_OK && !grid.rows)
        status = fail(error, LIMN_E_USAGE, "missing --grid RxC, the rows and columns of pieces");
    if (status == LIMN_OK)
        status = action_need_output(options, "FOLDER", error);
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
    static limn_status (*const actions[])(const struct options *options, limn_error *error) = {
        to_text, from_text, action_dataset, action_mean, split};
    const char *name = options->argument_count ? options->arguments[0] : "";
    int chosen;
    limn_status status = word_choose("pixels", name, names, &chosen, error);
    if (status != LIMN_OK)
        return status;
    if (actions[chosen] != split && (options->grid_rows || options->height))
        return fail(error, LIMN_E_USAGE, "--grid and --size apply only to split");
    if (actions[chosen] != action_dataset && actions[chosen] != action_mean && options->recursive)
        return fail(error, LIMN_E_USAGE, "--recursive applies only to dataset and mean");
    if (options->json)
        status = action_need_output(options, "OUTPUT", error);
    if (status == LIMN_OK)
        status = outcomes_check(options, error);
    return status == LIMN_OK ? actions[chosen](options, error) : status;
}
