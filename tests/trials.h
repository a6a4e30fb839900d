/* trials.h - every command of the program on tiny inputs, for tests that run them again and again.
 *
 * The program's main is linked under the name limn_main (see the Makefile) and run in the test's own process
 * or in a child's. The current folder holds the inputs (in/), the outputs (out/), and want/ for the test's
 * own use. */
#ifndef TESTS_TRIALS_H
#define TESTS_TRIALS_H

#include "tests/support.h"

enum {
    SEVERAL = 1,    /* inputs: one that fails does not end the run, the exit code is 1 */
    MANY = 2,       /* outputs: a failed run may leave some of them, finished */
    VARIES = 4,     /* standard output differs in each run */
    FILES_VARY = 8, /* and so do files */
    PICTURE = 32,   /* the output that exists before the run is a picture, and the input */
    THREADED = 16,  /* standard output depends on the number of threads that started */
};

struct trial {
    const char *line; /* arguments of limn, separated by single blanks */
    unsigned flags;
    const char *stdin_from; /* a file that comes through a pipe; NULL: standard input is empty */
    const char *existing;   /* a file that exists before the run, with text in it; or NULL */
};

extern const struct trial trials[];
extern const size_t trial_count;

/* Goes to a new folder and makes the inputs there. */
void trials_prepare(void);

/* Empties out/ and makes the output that exists before the trial. */
void trial_clear(const struct trial *trial);

/* Lets this process read the trial's standard input, and write standard output and error into two files,
 * which are emptied. */
void trial_redirect(const struct trial *trial, const int outputs[2]);

/* Runs the program in this process; the exit code. */
int trial_main(const struct trial *trial);

/* What this process has open. */
int open_descriptors(void);

/* The content of a file, followed by a zero; data is malloc's, NULL when there is no such file. */
struct bytes {
    char *data;
    size_t size;
};
struct bytes read_descriptor(int descriptor);
struct bytes read_path(const char *path);
bool same_bytes(struct bytes a, struct bytes b);

/* Whether the bytes are those of the output that existed before the run. */
bool is_unchanged(struct bytes bytes);

/* Calls `visit` for every file below a folder, hidden ones too; a folder comes after what is in it. Returns
 * how many files there are. */
int walk(const char *folder, void (*visit)(const char *path, bool is_folder, void *context), void *context);

/* A visitor that removes what it sees. */
void remove_one(const char *path, bool is_folder, void *context);

#endif
