/* pixels_actions.c - see pixels_actions.h. */
#include "apps/cli/pixels_actions.h"

limn_status action_need_output(const struct options *options, const char *what, limn_error *error)
{
    return options->output ? LIMN_OK : fail(error, LIMN_E_USAGE, "missing -o %s", what);
}

limn_status action_end_output(struct output *output, limn_status status, limn_error *error)
{
    if (status == LIMN_OK)
        return output_commit(output, error);
    output_abandon(output);
    return status;
}

void action_report_size(const struct outcomes *outcomes, int64_t width, int64_t height)
{
    outcomes_whole(outcomes, "width", width);
    outcomes_whole(outcomes, "height", height);
}
