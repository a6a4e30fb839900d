/* inputs.c - see inputs.h. */
#include "apps/cli/inputs.h"
#include "apps/cli/notes.h"
#include "engine/base/file_kinds.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"

#include <string.h>
#include <strings.h>

/* Endings of pictures. Formats that limn cannot read are included: a file in one of them fails, it is not
 * skipped silently. */
static bool has_picture_ending(const char *name)
{
    static const char *const endings[] = {
        ".png",  ".apng", ".jpg",  ".jpeg", ".jpe", ".jfif", ".jif",  ".bmp", ".dib",  ".ppm",
        ".pgm",  ".pbm",  ".pnm",  ".pam",  ".pfm", ".gif",  ".webp", ".tif", ".tiff", ".heic",
        ".heif", ".hif",  ".avif", ".jxl",  ".jp2", ".tga",  ".psd",  ".exr", ".hdr",  ".qoi"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* Whether a file begins as a picture does, in any format. One without permission to read does not. */
static limn_status begins_as_picture(const char *path, bool *is_picture, limn_error *error)
{
    unsigned char start[FILE_KIND_BYTES];
    struct file *file;
    *is_picture = false;
    if (!path_may_be_read(path))
        return LIMN_OK;
    limn_status status = file_open(path, LIMN_E_INPUT, &file, error);
    if (status != LIMN_OK)
        return status;
    size_t size = file_size(file) < sizeof start ? (size_t)file_size(file) : sizeof start;
    status = file_read_at(file, 0, start, size, error);
    const struct file_kind *kind = status == LIMN_OK ? file_kind_find(start, size) : NULL;
    *is_picture = kind && (kind->group == FILE_PICTURE || kind->group == FILE_OTHER_PICTURE);
    file_close(file);
    return status;
}

/* The input's name starts at path[name]. */
static limn_status add_path(struct inputs *inputs, const char *path, size_t name, limn_error *error)
{
    if (inputs->count == inputs->room) {
        size_t room = inputs->room ? 2 * inputs->room : 64;
        struct input *grown = mem_resize(inputs->list, room * sizeof *grown);
        if (!grown)
            return fail_memory(error, "the list of inputs", room * sizeof *grown);
        inputs->list = grown;
        inputs->room = room;
    }
    char *copy = mem_strdup(path);
    if (!copy)
        return fail_memory(error, path, strlen(path) + 1);
    inputs->list[inputs->count++] = (struct input){.path = copy, .name = copy + name};
    return LIMN_OK;
}

/* ---- folders ----------------------------------------------------------------------------- */

struct walk {
    const struct options *options;
    struct inputs *inputs;
    size_t root;                /* length of the path of the folder that was given */
    char path[SYSTEM_PATH_MAX]; /* of the current folder or file */
};

static limn_status walk_folder(struct walk *walk, limn_error *error);

/* Whether the subfolder walk->path is searched. */
static bool is_entered(const struct walk *walk)
{
    const char *output = walk->options->output;
    return walk->options->recursive && !system_is_link(walk->path) &&
           !(output && paths_meet(walk->path, output));
}

/* A file whose ending is a picture's and whose stat fails is added too: the error is reported when it is
 * read. Pipes and devices are left alone: reading could wait for ever. */
static limn_status walk_entry(struct walk *walk, const char *name, limn_error *error)
{
    bool is_folder, is_picture = has_picture_ending(name);
    limn_status status = folder_find(walk->path, LIMN_E_INPUT, &is_folder, error);
    if (status == LIMN_OK && is_folder)
        return is_entered(walk) ? walk_folder(walk, error) : LIMN_OK;
    if (status != LIMN_OK && !is_picture)
        return system_is_link(walk->path) ? LIMN_OK : status;
    if (path_is_device(walk->path))
        return LIMN_OK;
    if (!is_picture)
        status = begins_as_picture(walk->path, &is_picture, error);
    return is_picture ? add_path(walk->inputs, walk->path, walk->root + 1, error) : status;
}

/* Recurses at most SYSTEM_PATH_MAX / 2 levels deep. A level holds a list of names, but no open descriptor. */
static limn_status walk_folder(struct walk *walk, limn_error *error)
{
    char **names;
    size_t count, length = strlen(walk->path), room = sizeof walk->path - length;
    limn_status status = folder_list(walk->path, &names, &count, error);
    if (status != LIMN_OK)
        return status;
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        bool fits = snprintf(walk->path + length, room, "/%s", names[i]) < (int)room;
        status = fits ? walk_entry(walk, names[i], error)
                      : fail(error, LIMN_E_USAGE, "%s: the path is too long", walk->path);
        walk->path[length] = 0;
    }
    names_free(names, count);
    return status;
}

limn_status inputs_add_folder(const struct options *options, const char *folder, struct inputs *inputs,
                              limn_error *error)
{
    size_t before = inputs->count, length = strlen(folder);
    struct walk walk = {.options = options, .inputs = inputs, .root = length};
    if (length >= sizeof walk.path)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", folder);
    memcpy(walk.path, folder, length + 1);
    limn_status status = walk_folder(&walk, error);
    if (status == LIMN_OK && inputs->count == before)
        status = fail(error, LIMN_E_INPUT, "%s: no pictures in this folder", folder);
    return status;
}

/* ---- command lines ----------------------------------------------------------------------- */

static limn_status add_input(const struct options *options, const char *path, struct inputs *inputs,
                             limn_error *error)
{
    return path_is_folder(path) ? inputs_add_folder(options, path, inputs, error)
                                : add_path(inputs, path, (size_t)(system_path_name(path) - path), error);
}

limn_status inputs_collect(const struct options *options, struct inputs *inputs, limn_error *error)
{
    *inputs = (struct inputs){0};
    limn_status status = options->input ? add_input(options, options->input, inputs, error) : LIMN_OK;
    for (int i = 0; status == LIMN_OK && i < options->argument_count; i++)
        status = add_input(options, options->arguments[i], inputs, error);
    if (status == LIMN_OK && !inputs->count)
        status = fail(error, LIMN_E_USAGE, "missing INPUT: pictures, a folder, or - for standard input");
    if (status != LIMN_OK)
        inputs_free(inputs);
    return status;
}

void inputs_free(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        mem_free(inputs->list[i].path);
    mem_free(inputs->list);
    *inputs = (struct inputs){0};
}

limn_status input_next(const struct options *options, const struct input *input, struct picture *picture,
                       limn_error *error)
{
    limn_status status = input->stream
                             ? picture_stream_next(input->stream, !options->no_orient, picture, error)
                             : picture_read(input->path, !options->no_orient, picture, error);
    if (status == LIMN_OK && picture->warning[0])
        note_once(options, picture->name, picture->warning);
    return status;
}

limn_status input_read(const struct options *options, const char *path, struct picture *picture,
                       limn_error *error)
{
    return input_next(options, &(struct input){.path = (char *)path}, picture, error);
}

struct picture_target input_target(const struct options *options, const struct input *input,
                                   const char *output)
{
    struct picture_target target = app_target(options, output);
    if (!target.format && strcmp(output, "-") == 0)
        target.format = input->format;
    return target;
}
