/* number.h - strtod and printf with a decimal point, whatever locale the program has set. */
#ifndef LIMN_NUMBER_H
#define LIMN_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

/* strtod of a decimal number, infinity or NaN; *end, unless end is NULL, points after it, or to `text` if
 * there is none. */
double number_parse(const char *text, char **end);

/* snprintf and vsnprintf with the conversions d i u x X c s e f g and %, the lengths l ll j z t, and doubles
 * of at most 511 characters. */
int number_print(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
int number_vprint(char *text, size_t room, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
