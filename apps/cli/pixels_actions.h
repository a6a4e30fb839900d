/* pixels_actions.h - the actions of limn pixels on sets of pictures, and what all actions share. */
#ifndef APP_PIXELS_ACTIONS_H
#define APP_PIXELS_ACTIONS_H

#include "apps/cli/outcomes.h"
#include "engine/base/files.h"
#include "engine/pictures/picture.h"

/* LIMN_E_USAGE without -o; `what` names its argument. */
limn_status action_need_output(const struct options *options, const char *what, limn_error *error);

/* Commits an output, or abandons it if `status`, that of writing it, is an error. */
limn_status action_end_output(struct output *output, limn_status status, limn_error *error);

/* Adds the size to the picture being reported. */
void action_report_size(const struct outcomes *outcomes, int64_t width, int64_t height);

/* pixels_sets.c: many pictures into one file. */
limn_status action_dataset(const struct options *options, limn_error *error);
limn_status action_mean(const struct options *options, limn_error *error);

#endif
