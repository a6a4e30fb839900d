/* utf8.c - see utf8.h. */
#include "weights/utf8.h"

/* Unicode's table 3-7, "Well-Formed UTF-8 Byte Sequences": by the first byte, how many follow, and the range
 * of the second. All later ones are 80 to BF. */
static const struct sequence {
    unsigned char first, last; /* range of the first byte */
    unsigned char more;
    unsigned char second_first, second_last;
} sequences[] = {
    {0x00, 0x7F, 0, 0, 0},       {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF},
    {0xE1, 0xEC, 2, 0x80, 0xBF}, {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF},
    {0xF0, 0xF0, 3, 0x90, 0xBF}, {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};
enum { SEQUENCES = sizeof sequences / sizeof *sequences };

size_t utf8_decode(const unsigned char *text, size_t size, uint32_t *code)
{
    const struct sequence *s = sequences;
    while (s < sequences + SEQUENCES && (*text < s->first || *text > s->last))
        s++;
    *code = UTF8_ILL_FORMED;
    if (s == sequences + SEQUENCES)
        return 1;
    uint32_t found = s->more ? *text & (0x3FU >> s->more) : *text;
    for (size_t i = 1; i <= s->more; i++) {
        unsigned least = i == 1 ? s->second_first : 0x80, most = i == 1 ? s->second_last : 0xBF;
        if (i == size || text[i] < least || text[i] > most)
            return i;
        found = found << 6 | (text[i] & 0x3FU);
    }
    *code = found;
    return s->more + 1U;
}

size_t utf8_encode(uint32_t code, char out[UTF8_MOST])
{
    static const uint32_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (char)(lead[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (code >> (6 * (more - i)) & 0x3F));
    return more + 1;
}
