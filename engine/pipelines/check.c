/* check.c - see check.h. */
#include "engine/pipelines/check.h"

limn_status check_pointer(const void *pointer, const char *what, limn_error *error)
{
    return pointer ? LIMN_OK : fail(error, LIMN_E_USAGE, "%s: NULL", what);
}

limn_status check_range(const char *name, double number, double least, double most, limn_error *error)
{
    if (number >= least && number <= most)
        return LIMN_OK;
    return fail(error, LIMN_E_USAGE, "%s %g: expected %g to %g", name, number, least, most);
}

limn_status fail_kind(const limn_model *model, const char *wanted, const char *networks, limn_error *error)
{
    return fail(error, LIMN_E_USAGE, "%s: expected %s network (%s), found %s", model->graph.path, wanted,
                networks, model->kind->name);
}
