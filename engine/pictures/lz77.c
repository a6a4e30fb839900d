/* lz77.c - see lz77.h.
 *
 * Matches are found through hash chains. Of a hash of 6 bytes, some bits select an entry of `newest`, which
 * holds the other bits and the last position with that hash; `older` holds, for each of the last 32768
 * positions, the previous one with the same hash, or itself. A different hash replaces an entry and starts a
 * new chain. This loses few matches, and almost every candidate in a chain is one.
 *
 * Only the low 16 bits of positions are stored, to keep the tables small. They suffice for distances up to
 * 32768; an entry so old that it names another position is harmless, because the bytes are compared anyway.
 */
#include "engine/pictures/lz77.h"

#include <stdbool.h>
#include <string.h>

/* Deflate allows matches of 3 bytes. In filtered pictures, which are mostly noise, short matches cost more
 * bits than their literals. */
enum { MATCH_LEAST = 6 };

/* Effort: candidates tried for a match; the length at which the search stops; the number of literals in a row
 * after which only every fourth position is tried. */
enum { CHAIN_MOST = 24, LENGTH_ENOUGH = 64, PATIENCE = 64, SPARSE = 4 };

void lz77_next_block(struct lz77 *lz77)
{
    memmove(lz77->window, lz77->window + lz77->pending, LZ77_HISTORY);
    lz77->block += (uint32_t)lz77->pending;
    lz77->history += (uint32_t)lz77->pending;
    if (lz77->history > LZ77_HISTORY)
        lz77->history = LZ77_HISTORY;
    lz77->pending = 0;
}

static uint32_t hash_bytes(const unsigned char *text)
{
    uint32_t four;
    uint16_t two;
    memcpy(&four, text, sizeof four);
    memcpy(&two, text + sizeof four, sizeof two);
    return (four * 2654435761u ^ two * 2246822519u) * 3266489917u;
}

/* Adds to the chains all positions before `until` that have MATCH_LEAST bytes before the end of the block. */
static void hash_until(struct lz77 *lz77, uint32_t until)
{
    const unsigned char *text = lz77_text(lz77);
    uint32_t end = lz77->block + (uint32_t)lz77->pending;
    for (; lz77->hashed != until && end - lz77->hashed >= MATCH_LEAST; lz77->hashed++) {
        uint32_t hash = hash_bytes(text + (int32_t)(lz77->hashed - lz77->block));
        uint32_t *newest = &lz77->newest[hash >> (32 - LZ77_HASH_BITS)], tag = hash << 16;
        uint16_t position = (uint16_t)lz77->hashed;
        lz77->older[position % LZ77_HISTORY] = ((*newest ^ tag) >> 16) == 0 ? (uint16_t)*newest : position;
        *newest = tag | position;
    }
}

static uint32_t common_length(const unsigned char *a, const unsigned char *b, uint32_t most)
{
    uint32_t length = 0;
    while (length < most && a[length] == b[length])
        length++;
    return length;
}

/* Returns the longest match for byte `at` of the block as a token, or 0. */
static uint32_t find_match(struct lz77 *lz77, uint32_t at)
{
    const unsigned char *text = lz77_text(lz77) + at;
    uint32_t position = lz77->block + at, left = (uint32_t)lz77->pending - at;
    if (left < MATCH_LEAST)
        return 0;
    hash_until(lz77, position + 1);
    uint32_t most = left < LZ77_LONGEST ? left : LZ77_LONGEST, best = MATCH_LEAST - 1, token = 0, nearer = 0;
    uint32_t reach = lz77->history + at < LZ77_HISTORY ? lz77->history + at : LZ77_HISTORY;
    uint32_t candidate = lz77->older[position % LZ77_HISTORY];
    for (int tries = 0; tries < CHAIN_MOST; tries++) {
        uint32_t distance = (uint16_t)(position - candidate);
        if (distance > reach || distance <= nearer)
            break; /* out of reach, or the rest of the chain was overwritten */
        const unsigned char *before = text - distance;
        if (before[best] == text[best]) {
            uint32_t length = common_length(text, before, most);
            if (length > best) {
                best = length;
                token = length << 16 | distance;
                if (length >= LENGTH_ENOUGH || length == most)
                    break;
            }
        }
        nearer = distance;
        candidate = lz77->older[candidate % LZ77_HISTORY];
    }
    return token;
}

/* Lazy matching: a literal replaces a match if the next byte starts a longer one. After many literals in a
 * row the text is probably noise, and only some positions are tried. */
void lz77_find_tokens(struct lz77 *lz77)
{
    const unsigned char *text = lz77_text(lz77);
    uint32_t here = find_match(lz77, 0), literals = 0;
    lz77->token_count = 0;
    for (uint32_t at = 0; at < lz77->pending;) {
        uint32_t length = here >> 16, next = 0;
        bool likely = literals < PATIENCE || at % SPARSE == 0;
        if (length < LENGTH_ENOUGH && likely && at + 1 < lz77->pending)
            next = find_match(lz77, at + 1);
        if (length == 0 || next >> 16 > length) {
            lz77->tokens[lz77->token_count++] = text[at++];
            here = next;
            literals++;
        } else {
            lz77->tokens[lz77->token_count++] = here;
            at += length;
            literals = 0;
            here = at < lz77->pending ? find_match(lz77, at) : 0;
        }
    }
}
