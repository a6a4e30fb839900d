/* deflate.c - see deflate.h.
 *
 *     zlib stream   78 9c, blocks, Adler-32 of the text      (RFC 1950)
 *     block         final? (1 bit), type (2 bits), then      (RFC 1951, 3.2.3)
 *         stored    pad to a byte, length, its complement, the bytes                 3.2.4
 *         dynamic   the code lengths (themselves Huffman-coded), the symbols, 256    3.2.7
 *
 * The input is collected into blocks of 65535 bytes, the most that a stored block holds. For each block: find
 * repetitions (lz77.h), count symbols and make their codes (huffman.h), and write it stored or dynamic,
 * whichever is shorter. The format's fixed codes are not used: they are shorter only in blocks of a few
 * bytes. */
#include "engine/pictures/deflate.h"
#include "engine/base/memory.h"
#include "engine/pictures/huffman.h"
#include "engine/pictures/lz77.h"

#include <stdbool.h>
#include <string.h>

enum { LITERALS = 286, DISTANCES = 30, LENGTH_CODES = 19, END_OF_BLOCK = 256 };
enum { CODE_LIMIT = 15, LENGTH_CODE_LIMIT = 7, BLOCK_MOST_BYTES = LZ77_BLOCK + 64 };

/* ---- bits -------------------------------------------------------------------------------- */

/* Writes bits lowest first (RFC 1951, 3.1.1). The bytes of any block fit. */
struct bit_writer {
    unsigned char bytes[BLOCK_MOST_BYTES];
    size_t size;
    uint64_t bits; /* not yet in bytes[], the oldest lowest */
    int count;     /* of them, less than 32 between calls */
};

static void bits_put(struct bit_writer *writer, uint32_t value, int count)
{
    writer->bits |= (uint64_t)value << writer->count;
    writer->count += count;
    for (; writer->count >= 32; writer->count -= 32, writer->bits >>= 32)
        for (int shift = 0; shift < 32; shift += 8)
            writer->bytes[writer->size++] = (unsigned char)(writer->bits >> shift);
}

/* Writes all bits, padded with zeros to a whole byte. */
static void bits_pad(struct bit_writer *writer)
{
    for (; writer->count > 0; writer->count -= 8, writer->bits >>= 8)
        writer->bytes[writer->size++] = (unsigned char)writer->bits;
    writer->count = 0;
}

/* ---- codes ------------------------------------------------------------------------------- */

/* A length or distance in deflate's form: a Huffman-coded symbol, then extra bits, not coded. */
struct symbol {
    uint32_t code, extra;
    int extra_bits;
};

/* Codes from `first` on, one for each of the first values, then 1 << `more` for every doubling (3.2.5). */
static struct symbol symbol_of(uint32_t value, uint32_t first, int more)
{
    if (value >> more < 2)
        return (struct symbol){first + value, 0, 0};
    int bits = 31 - __builtin_clz(value) - more;
    return (struct symbol){first + ((uint32_t)bits << more) + (value >> bits), value & ((1u << bits) - 1),
                           bits};
}

/* Codes 257 to 284; 285 is the longest, 258. */
static struct symbol length_symbol(uint32_t length)
{
    return length == LZ77_LONGEST ? (struct symbol){285, 0, 0} : symbol_of(length - 3, 257, 2);
}

static struct symbol distance_symbol(uint32_t distance)
{
    return symbol_of(distance - 1, 0, 1);
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

/* Writes a block after lz77_find_tokens. writer->size must be 0. */
static void put_block(struct bit_writer *writer, const struct lz77 *lz77, bool final)
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

/* ---- the stream -------------------------------------------------------------------------- */

struct deflate {
    deflate_sink *sink;
    void *context;
    struct lz77 lz77;
    struct bit_writer out;
    uint32_t adler_a, adler_b;
};

limn_status deflate_create(deflate_sink *sink, void *context, struct deflate **deflate, limn_error *error)
{
    struct deflate *made = *deflate = mem_zalloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, "a compressor", sizeof *made);
    made->sink = sink;
    made->context = context;
    made->adler_a = 1;
    bits_put(&made->out, 0x9c78, 16); /* deflate with a window of 32768, default effort */
    return LIMN_OK;
}

void deflate_free(struct deflate *deflate)
{
    mem_free(deflate);
}

static limn_status flush_bytes(struct deflate *deflate, limn_error *error)
{
    limn_status status = LIMN_OK;
    if (deflate->out.size)
        status = deflate->sink(deflate->context, deflate->out.bytes, deflate->out.size, error);
    deflate->out.size = 0;
    return status;
}

static void update_adler(struct deflate *deflate)
{
    enum { MODULUS = 65521, WITHOUT_OVERFLOW = 5552 }; /* RFC 1950, 9: additions that fit in 32 bits */
    const unsigned char *text = lz77_text(&deflate->lz77);
    for (size_t at = 0; at < deflate->lz77.pending;) {
        size_t end =
            at + WITHOUT_OVERFLOW < deflate->lz77.pending ? at + WITHOUT_OVERFLOW : deflate->lz77.pending;
        for (; at < end; at++) {
            deflate->adler_a += text[at];
            deflate->adler_b += deflate->adler_a;
        }
        deflate->adler_a %= MODULUS;
        deflate->adler_b %= MODULUS;
    }
}

static limn_status write_block(struct deflate *deflate, bool final, limn_error *error)
{
    update_adler(deflate);
    lz77_find_tokens(&deflate->lz77);
    put_block(&deflate->out, &deflate->lz77, final);
    lz77_next_block(&deflate->lz77);
    return flush_bytes(deflate, error);
}

limn_status deflate_write(struct deflate *deflate, const unsigned char *bytes, size_t size, limn_error *error)
{
    struct lz77 *lz77 = &deflate->lz77;
    while (size > 0) {
        limn_status status = LIMN_OK;
        if (lz77->pending == LZ77_BLOCK)
            status = write_block(deflate, false, error);
        if (status)
            return status;
        size_t room = LZ77_BLOCK - lz77->pending, taken = size < room ? size : room;
        memcpy(lz77->window + LZ77_HISTORY + lz77->pending, bytes, taken);
        lz77->pending += taken;
        bytes += taken;
        size -= taken;
    }
    return LIMN_OK;
}

limn_status deflate_finish(struct deflate *deflate, limn_error *error)
{
    limn_status status = write_block(deflate, true, error);
    if (status)
        return status;
    bits_pad(&deflate->out);
    uint32_t adler = deflate->adler_b << 16 | deflate->adler_a;
    for (int shift = 24; shift >= 0; shift -= 8)
        bits_put(&deflate->out, adler >> shift & 255, 8);
    bits_pad(&deflate->out);
    return flush_bytes(deflate, error);
}
