/* dump.h - limn run --dump and --dump-images: writes the values of nodes, and pictures of all feature maps.
 */
#ifndef APP_DUMP_H
#define APP_DUMP_H

#include "apps/cli/app.h"
#include "engine/run/session.h"

enum { DUMP_NAME = 256 }; /* longer than the name of any node */

/* One --dump. */
struct dump {
    char name[DUMP_NAME]; /* of a node or of a value */
    const char *path;
    value_id node; /* that computes it */
};

struct dumps {
    const struct options *options;
    struct dump list[TEXTS_MOST];
    int count;
    limn_session *session;
};

/* Parses --dump, --dump-images and --channels, creates the folder, and checks that all files of --dump can be
 * written and that no two outputs are the same file. LIMN_E_USAGE, LIMN_E_OUTPUT. */
limn_status dumps_begin(struct dumps *dumps, const struct options *options, limn_error *error);

/* Finds the nodes, and checks that the sheets can be written. LIMN_E_USAGE if a name has no value in memory,
 * LIMN_E_OUTPUT. */
limn_status dumps_find(struct dumps *dumps, limn_session *session, limn_error *error);

/* Runs the session, whose inputs must be set, and writes each requested value as soon as it is computed.
 * Errors of limn_session_run, LIMN_E_OUTPUT, LIMN_E_MEMORY. */
limn_status dumps_run(struct dumps *dumps, limn_error *error);

#endif
