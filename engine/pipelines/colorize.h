/* colorize.h - the colorization pipeline: a picture in, the same with the colours of one network, or a sheet
 * of the colours of several networks or several seeds. */
#ifndef LIMN_COLORIZE_H
#define LIMN_COLORIZE_H

#include "engine/pipelines/colorizer.h"
#include "engine/pipelines/sink.h"

enum { COLORIZE_NETWORKS_MOST = 8 };

/* A request. The first block is filled by the caller, the second by colorize_open. */
struct colorize {
    limn_model *models[COLORIZE_NETWORKS_MOST];   /* borrowed; more than one only with `compare` */
    const char *captions[COLORIZE_NETWORKS_MOST]; /* of each on a sheet */
    int count;
    struct hints hints;   /* siggraph17 */
    const uint64_t *seed; /* vae: the variant of this seed; NULL: the mean of the colours that it knows */
    int samples;          /* vae: above 1, a sheet of the variants from *seed on */
    bool compare;         /* a sheet of the source, grey, and the result of each network */
    bool encode;          /* vae: the variant that comes from the source's own colours */
    struct tint tint;
    int64_t network_size; /* eccv16, siggraph17: side of the network's input; 0: the network's own */
    limn_spread spread;   /* siggraph17: whether hints spread before the network sees them */

    struct colorizer *colorizers[COLORIZE_NETWORKS_MOST];
};

/* LIMN_E_USAGE unless the options are in range and the networks take them (of several, one has to). */
limn_status colorize_check(const struct colorize *how, limn_error *error);

/* Checks the options and makes the networks ready to run. On failure there is nothing to close. Errors:
 * LIMN_E_USAGE, and those of colorizer_create. */
limn_status colorize_open(struct colorize *how, limn_error *error);
void colorize_close(struct colorize *how);

/* Colours `picture`, of 3 or 4 channels, and gives the result to the sink in one piece. The picture is used
 * up: it is painted over, or freed once its sheet is made.
 *
 * A sheet shows pictures with captions. With `compare`: the source, grey, and the result of each network, in
 * a row. Otherwise, with `samples` above 1, the variants of the network for *seed, *seed + 1, ..., as a
 * square. Pictures on it have at most 512 pixels a side, and less if a row would be wider than 4096 pixels.
 *
 * `watch` may be NULL; sheets ignore it.
 * Errors: those of colorizer_run; LIMN_E_MEMORY, with the number, before any network runs; what the sink
 * returns. */
limn_status colorize_picture(const struct colorize *how, struct picture *picture, const struct sink *sink,
                             struct watch *watch, limn_error *error);

#endif
