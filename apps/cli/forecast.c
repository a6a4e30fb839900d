/* forecast.c - see forecast.h. */
#include "apps/cli/forecast.h"
#include "apps/cli/bench.h"
#include "apps/cli/explain.h"

#include <inttypes.h>

/* Runs with fewer operations end soon on any machine, and are not worth a measurement. */
static const double flops_least = 1e11;
static const double seconds_least = 20;
static const size_t bytes_least = 2000000000;

/* The part of the peak that networks reach: DeepLabV3 and U-Net about all of it, narrow ones half. */
static const double usual_share = 0.8;

static const char *time_text(double seconds, char text[24])
{
    if (seconds < 100)
        snprintf(text, 24, "%.0f s", seconds < 1 ? 1 : seconds);
    else if (seconds < 6000)
        snprintf(text, 24, "%.0f min", seconds / 60);
    else
        snprintf(text, 24, "%.1f h", seconds / 3600);
    return text;
}

void forecast_say(struct forecaster *forecaster, const struct forecast *forecast, const char *option,
                  double share)
{
    char time[24], less[24], bytes[24], instead[96] = "";
    bool large = forecast->bytes > bytes_least;
    if (forecaster->said || forecaster->options->quiet || (!large && forecast->flops < flops_least))
        return;
    double seconds = forecast->flops / (usual_share * peak_of_all(forecaster->model->engine->pool, 0.01));
    if (!large && seconds < seconds_least)
        return;
    if (option)
        snprintf(instead, sizeof instead, "; %s takes about %s", option, time_text(share * seconds, less));
    app_note(forecaster->options, "%s at %" PRId64 " x %" PRId64 " pixels: about %s and %s of memory%s",
             limn_model_name(forecaster->model), forecast->size.width, forecast->size.height,
             time_text(seconds, time), bytes_text(forecast->bytes, bytes), instead);
    forecaster->said = true;
}
