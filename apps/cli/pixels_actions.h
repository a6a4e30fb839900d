/* pixels_actions.h - what the actions of limn pixels share. */
#ifndef APP_PIXELS_ACTIONS_H
#define APP_PIXELS_ACTIONS_H

#include "apps/cli/outcomes.h"
#include "engine/base/files.h"
#include "engine/pictures/picture.h"

/* Reads a picture by the options, and notes what is odd about it. */
limn_status action_read(const struct options *options, const char *path, struct picture *picture,
                        limn_error *error);

/* LIMN_E_USAGE without -o, whose argument is called `what`. */
limn_status action_need_output(const struct options *options, const char *what, limn_error *error);

/* Ends an output by what came of writing it. */
limn_status action_end_output(struct output *output, limn_status status, limn_error *error);

/* Adds the size to the picture that is being reported. */
void action_report_size(const struct outcomes *outcomes, int64_t width, int64_t height);

#endif
