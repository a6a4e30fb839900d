/* carry.c - see carry.h. */
#include "apps/cli/carry.h"
#include "apps/cli/notes.h"
#include "engine/base/system.h"
#include "engine/pictures/metadata.h"

#include <string.h>

/* Appends text; what is not printable ASCII becomes '?'. */
static void append(struct made_by *made_by, const char *text)
{
    size_t used = strlen(made_by->text);
    for (; *text && used + 1 < MADE_BY_TEXT; text++)
        made_by->text[used++] = (char)(*text >= ' ' && *text <= '~' ? *text : '?');
    made_by->text[used] = '\0';
}

void made_by_begin(struct made_by *made_by, const struct options *options)
{
    *made_by = (struct made_by){0};
    append(made_by, "limn " LIMN_VERSION " ");
    append(made_by, options->choices);
}

void made_by_add(struct made_by *made_by, const char *name, const limn_model *model)
{
    const char *hash = limn_model_metadata(model, "limn.source_sha256");
    append(made_by, made_by->networks++ ? ", " : ", weights ");
    append(made_by, name);
    if (!hash || strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
        return;
    append(made_by, " (source sha256 ");
    append(made_by, hash);
    append(made_by, ")");
}

void made_by_add_model(struct made_by *made_by, const char *weights, const limn_model *model)
{
    char path[SYSTEM_PATH_MAX];
    snprintf(path, sizeof path, "%s", weights);
    made_by_add(made_by, bare_name(path), model);
}

char *bare_name(char *path)
{
    char *name = path + (system_path_name(path) - path), *dot = strrchr(name, '.');
    if (dot && dot > name)
        *dot = 0;
    return name;
}

void carry_to(struct picture_target *target, const struct options *options, const struct made_by *made_by,
              const struct picture *source)
{
    char losses[METADATA_LOSSES_TEXT], note[sizeof losses + 16];
    if (options->strip)
        return;
    target->software = made_by->text;
    if (!source)
        return;
    target->metadata = source->metadata;
    if (!picture_losses(target, losses, sizeof losses)[0])
        return;
    snprintf(note, sizeof note, "not kept: %s", losses);
    note_once(options, source->name, note);
}
