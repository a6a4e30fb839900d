/* outcomes.h - what became of pictures, as JSON on stdout: the frame that commands which make pictures share.
 *
 *     {"pictures": [
 *       {"input": "in/1.png", "output": "out/1.png", "seconds": 0.120000},
 *       {"input": "in/2.png", "error": "in/2.png: not a picture", "seconds": 0.000100}],
 *      "failed": 1, "seconds": 0.120200}
 *
 * Behind these members a command puts its own: of a picture, and of the whole. Without --json nothing is
 * printed, only counted. */
#ifndef APP_OUTCOMES_H
#define APP_OUTCOMES_H

#include "apps/cli/app.h"

struct outcomes {
    bool json;
    size_t count, failed; /* pictures so far, and those of them that came to nothing */
    double begun, since;  /* by time_now: when all began, and the picture at hand */
};

/* LIMN_E_USAGE where --json and the output of -o would both go to standard output. */
limn_status outcomes_check(const struct options *options, limn_error *error);

/* The first picture's time runs from here, the next one's from where this one was reported. */
struct outcomes outcomes_begin(const struct options *options);

/* Opens the object of a picture that is done. output: NULL where it went into one file with others. */
void outcomes_picture(struct outcomes *outcomes, const char *input, const char *output);
void outcomes_picture_end(const struct outcomes *outcomes);

/* The object of a picture that came to nothing, and why. */
void outcomes_failure(struct outcomes *outcomes, const char *input, const char *message);

/* Closes the list of pictures, and opens the rest of the whole. */
void outcomes_summary(const struct outcomes *outcomes);
void outcomes_end(const struct outcomes *outcomes);

/* Members of the object that is open. */
void outcomes_text(const struct outcomes *outcomes, const char *key, const char *text);
void outcomes_whole(const struct outcomes *outcomes, const char *key, int64_t number);

#endif
