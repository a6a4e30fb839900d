/* huffman.c - see huffman.h.
 *
 * Huffman's construction joins the two lightest nodes until one is left. With the leaves sorted by weight,
 * the joined nodes are made in ascending order too, so that the lightest node is always at the front of one
 * of two queues (van Leeuwen, 1976). Both are in one array:
 *
 *     weight[]   leaf 0 .. leaf n-1 | joined n .. joined 2n-2 (the root)
 *
 * If the tree is deeper than the limit, the weights are flattened and it is built again. This happens in few
 * blocks, and costs a few hundredths of a percent compared to the optimal package-merge. */
#include "engine/pictures/huffman.h"

#include <stdbool.h>
#include <string.h>

/* Lists the symbols that occur, the rarest first; returns how many. Insertion sort: at most 286. */
static int sort_symbols(const uint32_t *frequency, int count, int *symbol)
{
    int used = 0;
    for (int s = 0; s < count; s++) {
        if (frequency[s] == 0)
            continue;
        int at = used++;
        for (; at > 0 && frequency[symbol[at - 1]] > frequency[s]; at--)
            symbol[at] = symbol[at - 1];
        symbol[at] = s;
    }
    return used;
}

/* Fills the depths of `leaves` leaves of ascending weights; weight[] and depth[] have 2 * leaves - 1 nodes.
 * Returns the greatest depth. */
static int build_tree(uint32_t *weight, int leaves, int *depth)
{
    int parent[2 * HUFFMAN_MOST_SYMBOLS] = {0};
    int leaf = 0, joined = leaves, root = 2 * leaves - 2;
    for (int made = leaves; made <= root; made++) {
        weight[made] = 0;
        for (int child = 0; child < 2; child++) {
            bool take_leaf = leaf < leaves && (joined == made || weight[leaf] <= weight[joined]);
            int lightest = take_leaf ? leaf++ : joined++;
            weight[made] += weight[lightest];
            parent[lightest] = made;
        }
    }
    depth[root] = 0;
    for (int node = root - 1; node >= 0; node--)
        depth[node] = depth[parent[node]] + 1;
    return depth[0];
}

void huffman_lengths(const uint32_t *frequency, int count, int limit, uint8_t *length)
{
    int symbol[HUFFMAN_MOST_SYMBOLS], depth[2 * HUFFMAN_MOST_SYMBOLS] = {0};
    uint32_t weight[2 * HUFFMAN_MOST_SYMBOLS];
    int used = sort_symbols(frequency, count, symbol);
    for (int i = 0; i < used; i++)
        weight[i] = frequency[symbol[i]];
    while (build_tree(weight, used, depth) > limit)
        for (int i = 0; i < used; i++)
            weight[i] = weight[i] / 2 + 1;
    memset(length, 0, (size_t)count);
    for (int i = 0; i < used; i++)
        length[symbol[i]] = (uint8_t)depth[i];
}

void huffman_codes(const uint8_t *length, int count, uint16_t *code)
{
    uint32_t of_length[16] = {0}, next[16] = {0};
    for (int s = 0; s < count; s++)
        of_length[length[s]]++;
    of_length[0] = 0;
    for (int bits = 1; bits < 16; bits++)
        next[bits] = (next[bits - 1] + of_length[bits - 1]) << 1;
    for (int s = 0; s < count; s++) {
        uint32_t forward = length[s] ? next[length[s]]++ : 0, reversed = 0;
        for (int bit = 0; bit < length[s]; bit++)
            reversed |= (forward >> bit & 1) << (length[s] - 1 - bit);
        code[s] = (uint16_t)reversed;
    }
}
