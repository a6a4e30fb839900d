/* number.c - see number.h. */
#include "weights/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* The C locale, for this thread alone and for a moment; glibc keeps one and allocates nothing for it. */
struct moment {
    locale_t plain, before;
};

static struct moment begin_plain(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return (struct moment){plain, uselocale(plain)};
}

static void end_plain(struct moment moment)
{
    uselocale(moment.before);
    if (moment.plain)
        freelocale(moment.plain);
}

double number_parse(const char *text, char **end)
{
    struct moment moment = begin_plain();
    double number = strtod(text, end);
    end_plain(moment);
    return number;
}

int number_print(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = number_vprint(text, room, format, arguments);
    va_end(arguments);
    return length;
}

int number_vprint(char *text, size_t room, const char *format, va_list arguments)
{
    struct moment moment = begin_plain();
    int length = vsnprintf(text, room, format, arguments);
    end_plain(moment);
    return length;
}
