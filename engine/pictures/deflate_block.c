/* deflate_block.c - see deflate_block.h. A block (RFC 1951, 3.2.3) is
 *
 *     final? (1 bit), type (2 bits), then
 *         stored    pad to a byte, length, its complement, the bytes                 3.2.4
 *         dynamic   the code lengths (themselves Huffman-coded), the symbols, 256    3.2.7
 *
 * whichever is shorter. The format's fixed codes are not used: they are shorter only in blocks of a few
 * bytes. */
#include "engine/pictures/deflate_block.h"
#include "engine/pictures/huffman.h"

#include <string.h>

enum { LITERALS = 286, DISTANCES = 30, LENGTH_CODES = 19, END_OF_BLOCK = 256 };
enum { CODE_LIMIT = 15, LENGTH_CODE_LIMIT = 7 };

void bits_put(struct bit_writer *writer, uint32_t value, int count)
{
    writer->bits |= (uint64_t)value << writer->count;
    writer->count += count;
    for (; writer->count >= 32; writer->count -= 32, writer->bits >>= 32)
        for (int shift = 0; shift < 32; shift += 8)
            writer->bytes[writer->size++] = (unsigned char)(writer->bits >> shift);
}

void bits_pad(struct bit_writer *writer)
{
    for (; writer->count > 0; writer->count -= 8, writer->bits >>= 8)
        writer->bytes[writer->size++] = (unsigned char)writer->bits;
    writer->count = 0;
}

/* A length or distance in deflate's form: a Huffman-coded symbol, then extra bits, not coded. */
struct symbol {
    uint32_t code, extra;
    int extra_bits;
};

static int floor_log2(uint32_t value)
{
    return 31 - __builtin_clz(value);
}

/* Codes 257..264 are lengths 3..10; then four codes for every doubling; 285 is length 258 (3.2.5). */
static struct symbol length_symbol(uint32_t length)
{
    uint32_t value = length - 3;
    if (length == LZ77_LONGEST)
        return (struct symbol){285, 0, 0};
    if (value < 8)
        return (struct symbol){257 + value, 0, 0};
    int bits = floor_log2(value) - 2;
    return (struct symbol){257 + 4 * (uint32_t)bits + (value >> bits), value & ((1u << bits) - 1), bits};
}

/* Codes 0..3 are distances 1..4; then two codes for every doubling. */
static struct symbol distance_symbol(uint32_t distance)
{
    uint32_t value = distance - 1;
    if (value < 4)
        return (struct symbol){value, 0, 0};
    int bits = floor_log2(value) - 1;
    return (struct symbol){2 * (uint32_t)bits + (value >> bits), value & ((1u << bits) - 1), bits};
}

/* The codes of one alphabet in one block. */
struct alphabet {
    uint32_t frequency[LITERALS];
    uint8_t length[LITERALS];
    uint16_t code[LITERALS];
};

static void make_codes(struct alphabet *alphabet, int count, int limit)
{
    /* The code of a single symbol would have no bits; the format requires two symbols. */
    int used = 0;
    for (int s = 0; s < count; s++)
        used += alphabet->frequency[s] > 0;
    for (int s = 0; used < 2; s++)
        if (alphabet->frequency[s] == 0) {
            alphabet->frequency[s] = 1;
            used++;
        }
    huffman_lengths(alphabet->frequency, count, limit, alphabet->length);
    huffman_codes(alphabet->length, count, alphabet->code);
}

static size_t coded_bits(const struct alphabet *alphabet, int count)
{
    size_t bits = 0;
    for (int s = 0; s < count; s++)
        bits += (size_t)alphabet->frequency[s] * alphabet->length[s];
    return bits;
}

static void put_symbol(struct bit_writer *writer, const struct alphabet *alphabet, uint32_t symbol)
{
    bits_put(writer, alphabet->code[symbol], alphabet->length[symbol]);
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* A dynamic block: the three alphabets, and the code lengths of the first two as run-length-coded symbols
 * (3.2.7): 16 repeats the last length, 17 and 18 are runs of zeros. */
struct dynamic {
    struct alphabet literals, distances, lengths;
    int literal_count, distance_count, length_count;
    struct symbol runs[LITERALS + DISTANCES];
    int run_count;
};

static const uint8_t length_order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};

static void add_run(struct dynamic *dynamic, uint32_t code, uint32_t extra, int extra_bits)
{
    dynamic->runs[dynamic->run_count++] = (struct symbol){code, extra, extra_bits};
    dynamic->lengths.frequency[code]++;
}

static void make_runs(struct dynamic *dynamic)
{
    uint8_t all[LITERALS + DISTANCES];
    int count = dynamic->literal_count + dynamic->distance_count;
    memcpy(all, dynamic->literals.length, (size_t)dynamic->literal_count);
    memcpy(all + dynamic->literal_count, dynamic->distances.length, (size_t)dynamic->distance_count);
    for (int at = 0; at < count;) {
        int run = 1, most = all[at] ? 7 : 138; /* a length and 6 repeats; zeros */
        while (at + run < count && run < most && all[at + run] == all[at])
            run++;
        if (all[at] == 0 && run >= 11) {
            add_run(dynamic, 18, (uint32_t)run - 11, 7);
        } else if (all[at] == 0 && run >= 3) {
            add_run(dynamic, 17, (uint32_t)run - 3, 3);
        } else if (run >= 4) {
            add_run(dynamic, all[at], 0, 0);
            add_run(dynamic, 16, (uint32_t)run - 4, 2);
        } else {
            run = 1;
            add_run(dynamic, all[at], 0, 0);
        }
        at += run;
    }
}

static int last_used(const struct alphabet *alphabet, int count, int least)
{
    while (count > least && alphabet->length[count - 1] == 0)
        count--;
    return count;
}

/* Makes the codes of the block; returns its size in bits. */
static size_t plan_dynamic(const struct lz77 *lz77, struct dynamic *dynamic)
{
    *dynamic = (struct dynamic){0};
    size_t bits = 3 + 5 + 5 + 4;
    for (size_t i = 0; i < lz77->token_count; i++) {
        uint32_t token = lz77->tokens[i];
        if (token >> 16) {
            struct symbol length = length_symbol(token >> 16), distance = distance_symbol(token & 0xffff);
            dynamic->literals.frequency[length.code]++;
            dynamic->distances.frequency[distance.code]++;
            bits += (size_t)(length.extra_bits + distance.extra_bits);
        } else {
            dynamic->literals.frequency[token]++;
        }
    }
    dynamic->literals.frequency[END_OF_BLOCK] = 1;
    make_codes(&dynamic->literals, LITERALS, CODE_LIMIT);
    make_codes(&dynamic->distances, DISTANCES, CODE_LIMIT);
    dynamic->literal_count = last_used(&dynamic->literals, LITERALS, 257);
    dynamic->distance_count = last_used(&dynamic->distances, DISTANCES, 1);

    make_runs(dynamic);
    make_codes(&dynamic->lengths, LENGTH_CODES, LENGTH_CODE_LIMIT);
    dynamic->length_count = LENGTH_CODES;
    while (dynamic->length_count > 4 && !dynamic->lengths.length[length_order[dynamic->length_count - 1]])
        dynamic->length_count--;
    for (int i = 0; i < dynamic->run_count; i++)
        bits += (size_t)dynamic->runs[i].extra_bits;
    return bits + 3 * (size_t)dynamic->length_count + coded_bits(&dynamic->lengths, LENGTH_CODES) +
           coded_bits(&dynamic->literals, LITERALS) + coded_bits(&dynamic->distances, DISTANCES);
}

static void write_dynamic(struct bit_writer *writer, const struct lz77 *lz77, const struct dynamic *dynamic)
{
    bits_put(writer, (uint32_t)dynamic->literal_count - 257, 5);
    bits_put(writer, (uint32_t)dynamic->distance_count - 1, 5);
    bits_put(writer, (uint32_t)dynamic->length_count - 4, 4);
    for (int i = 0; i < dynamic->length_count; i++)
        bits_put(writer, dynamic->lengths.length[length_order[i]], 3);
    for (int i = 0; i < dynamic->run_count; i++) {
        put_symbol(writer, &dynamic->lengths, dynamic->runs[i].code);
        bits_put(writer, dynamic->runs[i].extra, dynamic->runs[i].extra_bits);
    }
    for (size_t i = 0; i < lz77->token_count; i++) {
        uint32_t token = lz77->tokens[i];
        if (token >> 16) {
            struct symbol length = length_symbol(token >> 16), distance = distance_symbol(token & 0xffff);
            put_symbol(writer, &dynamic->literals, length.code);
            bits_put(writer, length.extra, length.extra_bits);
            put_symbol(writer, &dynamic->distances, distance.code);
            bits_put(writer, distance.extra, distance.extra_bits);
        } else {
            put_symbol(writer, &dynamic->literals, token);
        }
    }
    put_symbol(writer, &dynamic->literals, END_OF_BLOCK);
}

static void write_stored(struct bit_writer *writer, const struct lz77 *lz77)
{
    bits_pad(writer);
    bits_put(writer, (uint32_t)lz77->pending, 16);
    bits_put(writer, ~(uint32_t)lz77->pending & 0xffff, 16);
    memcpy(writer->bytes + writer->size, lz77_text(lz77), lz77->pending);
    writer->size += lz77->pending;
}

void deflate_block(struct bit_writer *writer, const struct lz77 *lz77, bool final)
{
    struct dynamic dynamic;
    size_t stored_bits = 3 + 7 + 32 + 8 * lz77->pending;
    bool stored = plan_dynamic(lz77, &dynamic) >= stored_bits;
    bits_put(writer, final, 1);
    bits_put(writer, stored ? 0 : 2, 2);
    if (stored)
        write_stored(writer, lz77);
    else
        write_dynamic(writer, lz77, &dynamic);
}
