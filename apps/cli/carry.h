/* carry.h - what the pictures that a command makes say about their source and how they were made. */
#ifndef APP_CARRY_H
#define APP_CARRY_H

#include "apps/cli/app.h"

enum { MADE_BY_TEXT = 1024 };

/* How a command makes its pictures, in printable ASCII:
 *
 *     limn 0.1.0 colorize --saturation 0.8, weights eccv16-scenes (source sha256 9712...)
 *
 * The hash is that of the checkpoint that the weights were converted from, if their metadata has it. */
struct made_by {
    char text[MADE_BY_TEXT];
    int networks;
};

/* Starts the text: version, command, options. */
void made_by_begin(struct made_by *made_by, const struct options *options);

/* Adds the weights. `name`: what was given with -m, without folder and ending. A long text is cut. */
void made_by_add(struct made_by *made_by, const char *name, const limn_model *model);

/* The same, with what was given with -m as it is: `weights` is of app_weights. */
void made_by_add_model(struct made_by *made_by, const char *weights, const limn_model *model);

/* "dir/name.safetensors" => "name", in place. */
char *bare_name(char *path);

/* Adds to a target how its picture was made and, unless `source` is NULL, the metadata of the source, with a
 * note about what the format cannot hold. Adds nothing with --strip. */
void carry_to(struct picture_target *target, const struct options *options, const struct made_by *made_by,
              const struct picture *source);

#endif
