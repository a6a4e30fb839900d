/* sink.h - where a pipeline puts the pictures it makes: a file, or the memory of limn's caller (views.h). */
#ifndef LIMN_SINK_H
#define LIMN_SINK_H

#include "engine/pictures/picture.h"

/* What a run is going to take. */
struct forecast {
    limn_size size; /* of the network's input */
    double flops;   /* of the network, and of other work in operations that take as long */
    size_t bytes;   /* the most held at a time, besides model and source */
};

struct sink {
    /* Called once, after network, options and memory have been checked and before anything is computed; NULL
     * for none. `made` has the width, height and channels of each picture that comes, and no pixels. */
    limn_status (*begin)(void *context, const struct picture *made, limn_error *error);
    /* Takes rows, from the top down, picture after picture. They are as wide as the picture and valid during
     * the call. A status other than LIMN_OK ends the work. */
    limn_status (*rows)(void *context, const struct picture *rows, limn_error *error);
    void *context;
    size_t reserve; /* bytes that the sink holds while it takes rows; they count when memory is checked */
    /* Called once before `begin`; NULL for none. `generate` does not call it. */
    void (*forecast)(void *context, const struct forecast *forecast);
};

static inline void sink_forecast(const struct sink *sink, struct forecast forecast)
{
    if (sink->forecast)
        sink->forecast(sink->context, &forecast);
}

static inline limn_status sink_begin(const struct sink *sink, int64_t width, int64_t height, int channels,
                                     limn_error *error)
{
    const struct picture made = {.width = width, .height = height, .channels = channels};
    return sink->begin ? sink->begin(sink->context, &made, error) : LIMN_OK;
}

#endif
