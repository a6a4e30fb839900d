/* outcomes.h - the --json report of the commands that write pictures: one object on stdout.
 *
 *     {"pictures": [
 *       {"input": "in/1.png", "output": "out/1.png", "seconds": 0.120000},
 *       {"input": "in/2.png", "error": "in/2.png: not a picture", "seconds": 0.000100}],
 *      "failed": 1, "seconds": 0.120200}
 *
 * A command adds its own members after these, to a picture and to the whole. Without --json nothing is
 * printed; pictures are only counted. */
#ifndef APP_OUTCOMES_H
#define APP_OUTCOMES_H

#include "apps/cli/app.h"

struct outcomes {
    bool json;
    size_t count, failed, skipped; /* pictures so far, and how many of them failed or were skipped */
    double begun, since;           /* system_seconds at the start of the whole, and of the current picture */
};

/* LIMN_E_USAGE if both --json and -o would write to standard output. */
limn_status outcomes_check(const struct options *options, limn_error *error);

/* Starts the clock of the first picture. That of the next one starts when this one is reported. */
struct outcomes outcomes_begin(const struct options *options);

/* Opens the object of a finished picture. output: NULL if it has no file of its own. */
void outcomes_picture(struct outcomes *outcomes, const char *input, const char *output);
void outcomes_picture_end(const struct outcomes *outcomes);

/* Prints the object of a picture that failed. */
void outcomes_failure(struct outcomes *outcomes, const char *input, const char *message);

/* Counts the open picture as one whose output existed already, and says so. */
void outcomes_skipped(struct outcomes *outcomes);

/* Closes the list of pictures and prints the totals. outcomes_end closes the report. */
void outcomes_summary(const struct outcomes *outcomes);
void outcomes_end(const struct outcomes *outcomes);

/* Print a member of the open object. */
void outcomes_text(const struct outcomes *outcomes, const char *key, const char *text);
void outcomes_whole(const struct outcomes *outcomes, const char *key, int64_t number);

#endif
