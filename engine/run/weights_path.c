/* weights_path.c - see weights_path.h. */
#include "engine/run/weights_path.h"
#include "engine/base/files.h"
#include "engine/base/system.h"

#include <stdio.h>
#include <string.h>

/* Relative to the folder of the library or the program: beside it; in a source tree, where that folder is
 * build/ or, for another system, build/SYSTEM/; installed in PREFIX/bin, PREFIX/lib or PREFIX/lib/TRIPLET. */
static const char *const places[] = {
    ".", "weights", "../weights", "../../weights", "../share/limn/weights", "../../share/limn/weights",
};
enum {
    PLACES = sizeof places / sizeof *places,
    FOLDERS =
        2 + 2 * PLACES + 1, /* chosen, the user's, of the library, of the program, LIMN_WEIGHTS_FOLDER */
};

static const char ending[] = ".safetensors";

/* "folder/file" => "folder", in place. */
static bool cut_file(char *path)
{
    size_t folder = (size_t)(system_path_name(path) - path);
    if (folder)
        path[folder - 1] = 0;
    return folder > 0;
}

/* The folder of the shared library that holds this code. False if the program itself holds it. */
static bool library_folder(char folder[SYSTEM_PATH_MAX])
{
    return system_library_path(folder) && cut_file(folder);
}

static bool program_folder(char folder[SYSTEM_PATH_MAX])
{
    return system_program_path(folder) && cut_file(folder);
}

/* $LIMN_WEIGHTS. False if it is not set. */
static bool chosen_folder(char folder[SYSTEM_PATH_MAX])
{
    return system_environment("LIMN_WEIGHTS", folder, SYSTEM_PATH_MAX) && *folder;
}

/* Where limn-fetch puts weights. False if there is no home folder. */
static bool user_folder(char folder[SYSTEM_PATH_MAX])
{
    char base[SYSTEM_PATH_MAX];
    bool data = system_environment("XDG_DATA_HOME", base, sizeof base) && *base;
    return (data || (system_environment("HOME", base, sizeof base) && *base)) &&
           snprintf(folder, SYSTEM_PATH_MAX, "%s%s/limn/weights", base, data ? "" : "/.local/share") <
               SYSTEM_PATH_MAX;
}

/* Folder `index` of those of weights_path, in their order. False if there is none. */
static bool folder_at(int index, char folder[SYSTEM_PATH_MAX])
{
    char base[SYSTEM_PATH_MAX];
    if (index == 0)
        return chosen_folder(folder);
    if (index == 1)
        return user_folder(folder);
    if (index == FOLDERS - 1)
        return snprintf(folder, SYSTEM_PATH_MAX, "%s", LIMN_WEIGHTS_FOLDER) < SYSTEM_PATH_MAX && *folder;
    index -= 2;
    return (index < PLACES ? library_folder(base) : program_folder(base)) &&
           snprintf(folder, SYSTEM_PATH_MAX, "%s/%s", base, places[index % PLACES]) < SYSTEM_PATH_MAX;
}

static bool is_file(const char *path)
{
    return system_exists(path) && !path_is_folder(path);
}

/* The index of the first folder that holds NAME.safetensors; FOLDERS if none does. */
static int find(const char *name, char path[SYSTEM_PATH_MAX])
{
    char folder[SYSTEM_PATH_MAX];
    for (int i = 0; i < FOLDERS; i++)
        if (folder_at(i, folder) &&
            snprintf(path, SYSTEM_PATH_MAX, "%s/%s%s", folder, name, ending) < SYSTEM_PATH_MAX &&
            is_file(path))
            return i;
    return FOLDERS;
}

/* Fails with a message that says where the name was looked up. */
static limn_status fail_unknown(const char *name, limn_error *error)
{
    char chosen[SYSTEM_PATH_MAX], user[SYSTEM_PATH_MAX], library[SYSTEM_PATH_MAX], program[SYSTEM_PATH_MAX];
    bool has_home = user_folder(user), shared = library_folder(library), known = program_folder(program);
    return fail_because(error, LIMN_E_WEIGHTS, LIMN_REASON_UNKNOWN_NAME,
                        "no weights called %s: %s%s was not found in $LIMN_WEIGHTS (%s)%s%s, beside the "
                        "program (%s)%s%s%s%s%s",
                        name, name, ending, chosen_folder(chosen) ? chosen : "not set",
                        has_home ? ", in " : "", has_home ? user : "", known ? program : "unknown",
                        shared ? ", beside the library (" : "", shared ? library : "", shared ? ")" : "",
                        *LIMN_WEIGHTS_FOLDER ? " or in " : "", LIMN_WEIGHTS_FOLDER);
}

limn_status weights_path(const char *name, char path[SYSTEM_PATH_MAX], limn_error *error)
{
    bool is_path = system_path_name(name) > name || strchr(name, '.') || is_file(name);
    if (!is_path)
        return find(name, path) < FOLDERS ? LIMN_OK : fail_unknown(name, error);
    if (snprintf(path, SYSTEM_PATH_MAX, "%s", name) >= SYSTEM_PATH_MAX)
        return fail(error, LIMN_E_WEIGHTS, "%s: the path is too long", name);
    return LIMN_OK;
}

bool weights_exist(const char *name)
{
    char path[SYSTEM_PATH_MAX];
    return find(name, path) < FOLDERS;
}

void weights_each(void (*take)(void *context, const char *name), void *context)
{
    char folder[SYSTEM_PATH_MAX], path[SYSTEM_PATH_MAX];
    for (int i = 0; i < FOLDERS; i++) {
        char **names;
        size_t count;
        if (!folder_at(i, folder) || folder_list(folder, &names, &count, NULL) != LIMN_OK)
            continue;
        for (size_t n = 0; n < count; n++) {
            char *dot = strchr(names[n], '.'); /* a name with another dot is a path */
            if (!dot || strcmp(dot, ending) != 0)
                continue;
            *dot = 0;
            if (find(names[n], path) == i)
                take(context, names[n]);
        }
        names_free(names, count);
    }
}
