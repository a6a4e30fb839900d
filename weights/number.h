/* number.h - numbers as text have a point, whatever locale the program around has set. */
#ifndef LIMN_NUMBER_H
#define LIMN_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

/* strtod. */
double number_parse(const char *text, char **end);

/* snprintf and vsnprintf. */
int number_print(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
int number_vprint(char *text, size_t room, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
