/* level_text.h - a grey level in decimal. */
#ifndef LIMN_LEVEL_TEXT_H
#define LIMN_LEVEL_TEXT_H

/* The most bytes that a level and a separator take. */
enum { LEVEL_ROOM = 4 };

/* Writes a level, 0 to 255, without a terminating zero byte; returns where it ends. */
static inline char *put_level(char *to, unsigned level)
{
    if (level >= 100)
        *to++ = (char)('0' + level / 100);
    if (level >= 10)
        *to++ = (char)('0' + level / 10 % 10);
    *to++ = (char)('0' + level % 10);
    return to;
}

#endif
