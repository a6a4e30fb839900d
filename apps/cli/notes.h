/* notes.h - notes about pictures, each kind said once in a run of the program: a folder of 200 scans does not
 * print 200 equal lines. */
#ifndef APP_NOTES_H
#define APP_NOTES_H

#include "apps/cli/app.h"

/* Prints "NAME: NOTE" unless --quiet is given; counts it if the same note was printed before. */
void note_once(const struct options *options, const char *name, const char *note);

/* Prints for each note how many more pictures it applies to. Call it when the command has ended. */
void notes_end(const struct options *options);

#endif
