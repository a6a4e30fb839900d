/* number.c - see number.h. The locale decides which decimal point strtod reads and printf writes, so strtod
 * gets text without one, and the one that printf wrote is replaced. */
#include "weights/number.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* ---- reading ----------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An exponent, "e-12", at *at: moves *at after it. 0 if there is none. */
static int64_t take_exponent(const char **at)
{
    const int64_t most = INT64_C(1000000000000000); /* more than any text has digits */
    const char *c = *at;
    if (*c != 'e' && *c != 'E')
        return 0;
    bool minus = *++c == '-';
    c += *c == '-' || *c == '+';
    if (!is_digit(*c))
        return 0;
    int64_t exponent = 0;
    for (; is_digit(*c); c++)
        exponent = exponent < most ? 10 * exponent + (*c - '0') : most;
    *at = c;
    return minus ? -exponent : exponent;
}

/* [-12.5e3] => [-125e2]. A double, and the middle between two, has at most 768 significant digits: of more,
 * it only matters whether they are all 0. */
double number_parse(const char *text, char **end)
{
    enum { DIGITS_MOST = 800 };
    char plain[DIGITS_MOST + 32];
    const char *at = text + strspn(text, " \t\n\v\f\r");
    size_t used = 0, digits = 0;
    int64_t shift = 0;
    bool point = false, any = false, rest = false;
    if (*at == '-' || *at == '+')
        plain[used++] = *at++;
    if (*at && strchr("iInN", *at)) /* a word has no point */
        return strtod(text, end);
    for (; is_digit(*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        shift -= point;
        if (digits == DIGITS_MOST) {
            rest = rest || *at != '0';
            shift++;
        } else if (digits || *at != '0') {
            plain[used++] = *at;
            digits++;
        }
    }
    if (any)
        shift += take_exponent(&at);
    if (end)
        *end = (char *)(any ? at : text);
    if (!any)
        return 0;
    if (rest)
        plain[used++] = '1', shift--;
    snprintf(plain + used, sizeof plain - used, "%se%" PRId64, digits ? "" : "0", shift);
    return strtod(plain, NULL);
}

/* ---- writing ----------------------------------------------------------------------------- */

enum { FLAGS_ROOM = 32, NUMBER_ROOM = 512 };

/* Copies the flags, width and precision of the directive at `format`, a '%', with numbers for stars. Returns
 * what follows them. */
static const char *take_flags(const char *format, char flags[FLAGS_ROOM], va_list *arguments)
{
    size_t used = 0;
    do {
        if (*format == '*')
            used += (size_t)snprintf(flags + used, FLAGS_ROOM - used, "%d", va_arg(*arguments, int));
        else
            flags[used++] = *format;
    } while (*++format && strchr("-+ #*." DIGITS, *format));
    flags[used] = 0;
    return format;
}

/* An integer argument of int or 64 bits. */
static unsigned long long take_integer(va_list *arguments, bool is_long, bool is_signed)
{
    if (is_long)
        return va_arg(*arguments, unsigned long long);
    return is_signed ? (unsigned long long)va_arg(*arguments, int) : va_arg(*arguments, unsigned);
}

/* Replaces the locale's decimal point, which follows the first digits and may have several bytes. */
static void set_point(char *number)
{
    char *point = number + strcspn(number, DIGITS);
    point += strspn(point, DIGITS);
    size_t bytes = strcspn(point, DIGITS "eE ");
    if (bytes) {
        *point = '.';
        memmove(point + 1, point + bytes, strlen(point + bytes) + 1);
    }
}

/* Prints the directive at *format, a '%', and moves *format after it. */
static int print_directive(char *text, size_t room, const char **format, va_list *arguments)
{
    char flags[FLAGS_ROOM], own[FLAGS_ROOM + 4], number[NUMBER_ROOM];
    const char *length = take_flags(*format, flags, arguments), *conversion = length + strspn(length, "ljzt");
    bool is_signed = strchr("di", *conversion), is_integer = is_signed || strchr("uxX", *conversion);
    bool is_long = *length == 'j' || conversion - length == 2 ||
                   (*length == 'l' && sizeof(long) > sizeof(int)) ||
                   (strchr("zt", *length) && sizeof(size_t) > sizeof(int));
    *format = conversion + 1;
    snprintf(own, sizeof own, "%s%s%c", flags, is_integer ? "ll" : "", *conversion);
    if (is_integer)
        return snprintf(text, room, own, take_integer(arguments, is_long, is_signed));
    if (*conversion == 'c')
        return snprintf(text, room, own, va_arg(*arguments, int));
    if (*conversion == 's')
        return snprintf(text, room, own, va_arg(*arguments, const char *));
    if (*conversion == '%')
        return snprintf(text, room, "%%");
    snprintf(number, sizeof number, own, va_arg(*arguments, double));
    set_point(number);
    return snprintf(text, room, "%s", number);
}

int number_vprint(char *text, size_t room, const char *format, va_list arguments)
{
    size_t length = 0;
    va_list rest;
    va_copy(rest, arguments);
    if (room)
        *text = 0;
    while (*format) {
        size_t left = length < room ? room - length : 0, literal = strcspn(format, "%");
        char *to = left ? text + length : NULL;
        if (literal) {
            length += (size_t)snprintf(to, left, "%.*s", (int)literal, format);
            format += literal;
        } else {
            length += (size_t)print_directive(to, left, &format, &rest);
        }
    }
    va_end(rest);
    return (int)length;
}

int number_print(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = number_vprint(text, room, format, arguments);
    va_end(arguments);
    return length;
}
