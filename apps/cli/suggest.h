/* suggest.h - suggestions for mistyped words of the command line. */
#ifndef APP_SUGGEST_H
#define APP_SUGGEST_H

#include "apps/cli/app.h"

enum {
    WORD_LETTERS = 256, /* most of a word, with its zero byte */
    SUGGESTION_TEXT = WORD_LETTERS + 24,
};

/* The edit distance: how many letters to insert, remove, replace, or swap with the next to turn `from` into
 * `to` or, if `within`, into the nearest part of `to`. `to` is shorter than WORD_LETTERS. */
int word_edits(const char *from, const char *to, bool within);

/* The nearest word so far. Initialize it as {.typed = TYPED}. */
struct suggestion {
    const char *typed;
    int edits;
    char word[WORD_LETTERS]; /* "" if none is near */
};

/* Takes `word` if it is nearer than the words before. A word is near if at most one letter in three is wrong,
 * if the typed text is a prefix of it (in upper or lower case), or if the typed text starts with the word or
 * most of it, as "verification" starts with "verify". Of equally near words the first is kept. */
void suggestion_offer(struct suggestion *suggestion, const char *word);

/* "; did you mean WORD?" with `before`, such as "--", in front of the word; "" if no word is near. Returns
 * `text`. */
const char *suggestion_text(const struct suggestion *suggestion, const char *before,
                            char text[SUGGESTION_TEXT]);

/* Finds the index of `typed` in `words`, which end with NULL. Otherwise LIMN_E_USAGE with the message
 * "WHAT TYPED: expected A, B or C; did you mean B?" */
limn_status word_choose(const char *what, const char *typed, const char *const words[], int *chosen,
                        limn_error *error);

#endif
