/* pixels_sets.h - limn pixels dataset and mean: many pictures into one file. */
#ifndef APP_PIXELS_SETS_H
#define APP_PIXELS_SETS_H

#include "apps/cli/app.h"

limn_status action_dataset(const struct options *options, limn_error *error);
limn_status action_mean(const struct options *options, limn_error *error);

#endif
