/* forecast.h - says before a long run what it takes. */
#ifndef APP_FORECAST_H
#define APP_FORECAST_H

#include "apps/cli/app.h"
#include "engine/pipelines/sink.h"

struct forecaster {
    const struct options *options;
    limn_model *model; /* the network's name, and the threads that run it */
    bool said;
};

/* Prints a note if a run takes more than about 20 seconds or 2 GB, once per command:
 *
 *     deeplabv3 at 4000 x 3000 pixels: about 2 min and 4.2 GB of memory; --resize 520 takes about 4 s
 *
 * `option` takes `share` of the time; NULL: none is named. The rate is a fixed part of what the threads reach
 * at best, measured for 10 ms; a busy machine takes longer. */
void forecast_say(struct forecaster *forecaster, const struct forecast *forecast, const char *option,
                  double share);

#endif
