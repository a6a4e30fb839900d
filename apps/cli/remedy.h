/* remedy.h - what a user of the program can do about an error, in the words of its options. */
#ifndef APP_REMEDY_H
#define APP_REMEDY_H

#include "engine/limn.h"

/* Appends the remedy for error->reason to the message, if the program knows one. A second call does nothing.
 */
void remedy_append(limn_error *error);

#endif
