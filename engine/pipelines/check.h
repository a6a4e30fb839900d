/* check.h - checks of models and options that all pipelines share. */
#ifndef LIMN_CHECK_H
#define LIMN_CHECK_H

#include "engine/run/model.h"

/* LIMN_E_USAGE if `pointer` is NULL. The message calls it `what`. */
limn_status check_pointer(const void *pointer, const char *what, limn_error *error);

/* LIMN_E_USAGE unless least <= number <= most. The message calls the number `name`. */
limn_status check_range(const char *name, double number, double least, double most, limn_error *error);

/* LIMN_E_USAGE: the model's network is of another kind than `wanted`, such as "a colorization". `networks`
 * lists the right ones. */
limn_status fail_kind(const limn_model *model, const char *wanted, const char *networks, limn_error *error);

#endif
