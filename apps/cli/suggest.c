/* suggest.c - see suggest.h. */
#include "apps/cli/suggest.h"

#include <string.h>
#include <strings.h>

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* Dynamic programming, row by row (Levenshtein 1965; swaps: Damerau 1964; within: Sellers 1980). */
int word_edits(const char *from, const char *to, bool within)
{
    int rows[3][WORD_LETTERS] = {0}; /* [j]: the part of `from` so far to the first j letters of `to` */
    int *now = rows[0], *before = rows[1], *earlier = rows[2];
    int length = (int)strlen(to);
    for (int j = 0; j <= length; j++)
        now[j] = within ? 0 : j;
    for (int i = 1; from[i - 1]; i++) {
        int *oldest = earlier;
        earlier = before;
        before = now;
        now = oldest;
        now[0] = i;
        for (int j = 1; j <= length; j++) {
            bool same = from[i - 1] == to[j - 1];
            now[j] = least_of(least_of(before[j], now[j - 1]) + 1, before[j - 1] + !same);
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                now[j] = least_of(now[j], earlier[j - 2] + 1);
        }
    }
    int least = now[length];
    for (int j = 0; within && j < length; j++)
        least = least_of(least, now[j]);
    return least;
}

/* The length of the common prefix, ignoring case. */
static size_t shared_letters(const char *a, const char *b)
{
    size_t count = 0;
    while (a[count] && strncasecmp(a, b, count + 1) == 0)
        count++;
    return count;
}

void suggestion_offer(struct suggestion *suggestion, const char *word)
{
    enum { BEGINNING = 3, STEM = 5 };
    const char *typed = suggestion->typed;
    size_t length = strlen(typed), all = strlen(word);
    if (all >= WORD_LETTERS)
        return;
    size_t shared = shared_letters(word, typed);
    bool begun = shared == length && length >= BEGINNING;
    bool similar = shared == all ? all >= BEGINNING : shared >= STEM && 3 * shared >= 2 * all;
    int edits = begun ? 1 : word_edits(typed, word, false);
    bool near = begun || similar || (length > 1 && edits == 1) || (size_t)edits <= length / 3;
    if (near && (!suggestion->word[0] || edits < suggestion->edits)) {
        suggestion->edits = edits;
        snprintf(suggestion->word, sizeof suggestion->word, "%s", word);
    }
}

const char *suggestion_text(const struct suggestion *suggestion, const char *before,
                            char text[SUGGESTION_TEXT])
{
    text[0] = 0;
    if (suggestion->word[0])
        snprintf(text, SUGGESTION_TEXT, "; did you mean %s%s?", before, suggestion->word);
    return text;
}

limn_status word_choose(const char *what, const char *typed, const char *const words[], int *chosen,
                        limn_error *error)
{
    struct suggestion suggestion = {.typed = typed};
    char list[WORD_LETTERS] = "", text[SUGGESTION_TEXT];
    size_t length = 0;
    for (int i = 0; words[i]; i++) {
        *chosen = i;
        if (strcmp(words[i], typed) == 0)
            return LIMN_OK;
        suggestion_offer(&suggestion, words[i]);
        const char *between = !i ? "" : words[i + 1] ? ", " : " or ";
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", between, words[i]);
    }
    return fail(error, LIMN_E_USAGE, "%s%s%s: expected %s%s", what, *typed ? " " : "", typed, list,
                suggestion_text(&suggestion, "", text));
}
