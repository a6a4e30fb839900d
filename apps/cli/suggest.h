/* suggest.h - words that the command line takes, and what a mistyped one was meant to be. */
#ifndef APP_SUGGEST_H
#define APP_SUGGEST_H

#include "apps/cli/app.h"

enum {
    WORD_LETTERS = 256, /* longer than any word offered */
    SUGGESTION_TEXT = WORD_LETTERS + 24,
};

/* How many letters to insert, remove, replace, or swap with the next to make `to` of `from`, or, if `within`,
 * the part of it that is nearest. `to` has less than WORD_LETTERS. */
int word_edits(const char *from, const char *to, bool within);

/* The nearest of the words offered for a mistyped one; begins as {.typed = TYPED}. */
struct suggestion {
    const char *typed;
    int edits;
    char word[WORD_LETTERS]; /* "": none was near */
};

/* A word is near when one letter in three is wrong at most, when its beginning was typed, in capital letters
 * or not, and when what was typed begins with it, or with most of it, as "verification" with "verify". Of
 * words equally near the first is kept. */
void suggestion_offer(struct suggestion *suggestion, const char *word);

/* "; did you mean WORD?", with what belongs before the word, such as "--"; "" when no word was near. */
const char *suggestion_text(const struct suggestion *suggestion, const char *before,
                            char text[SUGGESTION_TEXT]);

/* The index of `typed` among `words`, which end with NULL. LIMN_E_USAGE: "WHAT TYPED: expected A, B or C; did
 * you mean B?" */
limn_status word_choose(const char *what, const char *typed, const char *const words[], int *chosen,
                        limn_error *error);

#endif
