/* inputs.c - see inputs.h. */
#include "inputs.h"
#include "batch.h"
#include "files.h"
#include "memory.h"

#include <limits.h>
#include <string.h>

static limn_status add_path(struct inputs *inputs, const char *path, limn_error *error)
{
    if (inputs->count == inputs->room) {
        size_t room = inputs->room ? 2 * inputs->room : 64;
        char **grown = mem_resize(inputs->paths, room * sizeof *grown);
        if (!grown)
            return fail_memory(error, "the list of inputs", room * sizeof *grown);
        inputs->paths = grown;
        inputs->room = room;
    }
    char *copy = mem_strdup(path);
    if (!copy)
        return fail_memory(error, path, strlen(path) + 1);
    inputs->paths[inputs->count++] = copy;
    return LIMN_OK;
}

static limn_status add_folder(struct inputs *inputs, const char *folder, limn_error *error)
{
    char **names, path[PATH_MAX];
    size_t count, before = inputs->count;
    limn_status status = folder_list(folder, &names, &count, error);
    if (status != LIMN_OK)
        return status;
    for (size_t i = 0; status == LIMN_OK && i < count; i++) {
        if (!looks_like_picture(names[i]))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) >= (int)sizeof path)
            status = fail(error, LIMN_E_USAGE, "%s/%s: the path is too long", folder, names[i]);
        else if (!path_is_folder(path))
            status = add_path(inputs, path, error);
    }
    names_free(names, count);
    if (status == LIMN_OK && inputs->count == before)
        status = fail(error, LIMN_E_INPUT, "%s: no pictures in this folder", folder);
    return status;
}

static limn_status add_input(struct inputs *inputs, const char *path, limn_error *error)
{
    return path_is_folder(path) ? add_folder(inputs, path, error) : add_path(inputs, path, error);
}

limn_status inputs_collect(const struct options *options, int first, struct inputs *inputs, limn_error *error)
{
    *inputs = (struct inputs){0};
    limn_status status = options->input ? add_input(inputs, options->input, error) : LIMN_OK;
    for (int i = first; status == LIMN_OK && i < options->argument_count; i++)
        status = add_input(inputs, options->arguments[i], error);
    if (status == LIMN_OK && !inputs->count)
        status = fail(error, LIMN_E_USAGE, "an input is needed: pictures, a folder, or - for standard input");
    if (status != LIMN_OK)
        inputs_free(inputs);
    return status;
}

void inputs_free(struct inputs *inputs)
{
    names_free(inputs->paths, inputs->count);
    *inputs = (struct inputs){0};
}
