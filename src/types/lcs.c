/* The usual table of lengths, of which one row is kept at a time.
 *
 * For the way back only one bit of each pair (i, j) of different bytes is needed: whether leaving
 * out the i-th byte of `a` gives more than leaving out the j-th of `b`. So two texts of 11 KB
 * take 16 MB here where the table of lengths would take 512. */
#include "types/lcs.h"

#include "base/ensure.h"
#include "base/memory.h"

static size_t turns_row_size(struct bytes b)
{
    return (b.size + 7) / 8;
}

/* One row: `lengths[j]` is that of the beginnings of i and j bytes. */
static void row_next(uint32_t *lengths, char a, struct bytes b, uint8_t *turns)
{
    uint32_t diagonal = 0; /* of i - 1 and j - 1 */
    for (size_t j = 1; j <= b.size; j++) {
        uint32_t above = lengths[j], left = lengths[j - 1];
        bool is_above = above > left;
        lengths[j] = a == b.data[j - 1] ? diagonal + 1 : is_above ? above : left;
        if (turns != NULL) turns[(j - 1) / 8] |= (uint8_t)((unsigned)is_above << (j - 1) % 8);
        diagonal = above;
    }
}

static size_t fill(struct bytes a, struct bytes b, uint8_t *turns)
{
    ensure(a.size <= UINT32_MAX);
    uint32_t *lengths = memory_alloc_zero((b.size + 1) * sizeof(*lengths));
    for (size_t i = 0; i < a.size; i++)
        row_next(lengths, a.data[i], b, turns == NULL ? NULL : turns + i * turns_row_size(b));
    size_t length = lengths[b.size];
    memory_free(lengths);
    return length;
}

size_t lcs_length(struct bytes a, struct bytes b)
{
    return a.size < b.size ? fill(b, a, NULL) : fill(a, b, NULL); /* the shorter one is the row */
}

void lcs_init(struct lcs *lcs, struct bytes a, struct bytes b)
{
    *lcs = (struct lcs){ .a = a, .b = b };
    lcs->turns = memory_alloc_zero(a.size * turns_row_size(b) + 1);
    lcs->length = fill(a, b, lcs->turns);
    lcs_rewind(lcs);
}

void lcs_fini(struct lcs *lcs)
{
    memory_free(lcs->turns);
    *lcs = (struct lcs){ 0 };
}

void lcs_rewind(struct lcs *lcs)
{
    lcs->a_end = lcs->a.size;
    lcs->b_end = lcs->b.size;
}

static bool ends_equally(const struct lcs *lcs)
{
    return lcs->a_end > 0 && lcs->b_end > 0 &&
           lcs->a.data[lcs->a_end - 1] == lcs->b.data[lcs->b_end - 1];
}

bool lcs_next(struct lcs *lcs, struct lcs_run *run)
{
    while (lcs->a_end > 0 && lcs->b_end > 0 && !ends_equally(lcs)) {
        const uint8_t *turns = lcs->turns + (lcs->a_end - 1) * turns_row_size(lcs->b);
        size_t j = lcs->b_end - 1;
        if (turns[j / 8] >> j % 8 & 1)
            lcs->a_end--;
        else
            lcs->b_end--;
    }
    *run = (struct lcs_run){ 0 };
    for (; ends_equally(lcs); run->size++) {
        lcs->a_end--;
        lcs->b_end--;
    }
    run->a_start = lcs->a_end;
    run->b_start = lcs->b_end;
    return run->size > 0;
}
