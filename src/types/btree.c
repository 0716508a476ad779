/* The tree of a sorted set: search, insertion and removal along one path from root to leaf. */
#include "types/btree.h"

#include "base/ensure.h"
#include "base/memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Half a KiB and one KiB, which are size classes of the allocator. */
#define LEAF_MAX  63
#define INNER_MAX 36
/* Below a quarter a node is merged with its neighbour, when both fill three quarters at most; so
 * that a number that goes up and down does not merge and split each time. */
#define IS_POOR(count, max)   ((count) < (max) / 4)
#define CAN_MERGE(count, max) ((count) <= (max) / 4 * 3)
#define PREFETCH_DISTANCE     8

struct btree_node {
    uint16_t count; /* of elements or children */
    uint16_t level; /* 0: a leaf */
};

struct leaf {
    struct btree_node node;
    struct element *elements[LEAF_MAX]; /* borrowed */
};

struct inner {
    struct btree_node node;
    uint32_t counts[INNER_MAX]; /* elements below each child */
    double scores[INNER_MAX];   /* of the first element below each child, */
    const struct element *firsts[INNER_MAX];
    struct btree_node *children[INNER_MAX]; /* owned */
};

static inline struct leaf *leaf_of(struct btree_node *node)
{
    ensure(node->level == 0);
    return (struct leaf *)node;
}

static inline struct inner *inner_of(struct btree_node *node)
{
    ensure(node->level > 0);
    return (struct inner *)node;
}

static size_t node_max(const struct btree_node *node)
{
    return node->level == 0 ? LEAF_MAX : INNER_MAX;
}

static size_t node_size(const struct btree_node *node)
{
    return node->level == 0 ? sizeof(struct leaf) : sizeof(struct inner);
}

static struct btree_node *node_create(struct btree *tree, uint16_t level)
{
    size_t size = level == 0 ? sizeof(struct leaf) : sizeof(struct inner);
    struct btree_node *node = memory_alloc(size);
    node->count = 0;
    node->level = level;
    tree->node_bytes += memory_class(size);
    return node;
}

static void node_free(struct btree *tree, struct btree_node *node)
{
    size_t size = node_size(node);
    tree->node_bytes -= memory_class(size);
    memory_free_sized(node, size);
}

/* Elements below the node. */
static size_t node_total(struct btree_node *node)
{
    if (node->level == 0) return node->count;
    const struct inner *inner = inner_of(node);
    size_t total = 0;
    for (unsigned i = 0; i < node->count; i++) total += inner->counts[i];
    return total;
}

static const struct element *node_first(struct btree_node *node)
{
    return node->level == 0 ? leaf_of(node)->elements[0] : inner_of(node)->firsts[0];
}

size_t btree_count(const struct btree *tree)
{
    return tree->root == NULL ? 0 : node_total(tree->root);
}

/* ---- searching ---- */

int btree_bound_compare(const struct btree_bound *bound, double score, struct bytes member)
{
    if (bound->kind == BTREE_END) return -1;
    if (bound->kind == BTREE_MEMBER_FIRST || bound->kind == BTREE_MEMBER_BEHIND) {
        int order = bytes_compare(member, bound->member);
        if (order != 0) return order;
        return bound->kind == BTREE_MEMBER_FIRST ? 1 : -1;
    }
    if (score != bound->score) return score < bound->score ? -1 : 1;
    if (bound->kind == BTREE_SCORE_FIRST) return 1;
    if (bound->kind == BTREE_SCORE_BEHIND) return -1;
    return bytes_compare(member, bound->member);
}

/* The same without looking at the element where the score suffices. */
static inline int compare(const struct btree_bound *bound, double score,
                          const struct element *element)
{
    if (bound->kind <= BTREE_SCORE_BEHIND ||
        (bound->kind == BTREE_ELEMENT && score != bound->score))
        return score < bound->score || (score == bound->score && bound->kind == BTREE_SCORE_BEHIND)
                   ? -1
                   : 1;
    return btree_bound_compare(bound, score, element_member(element));
}

static inline bool bound_is_by_score(const struct btree_bound *bound)
{
    return bound->kind <= BTREE_SCORE_BEHIND || bound->kind == BTREE_ELEMENT;
}

/* How many of the scores are below this one: all are counted, which is faster than a search whose
 * branches nobody foretells. */
static inline unsigned scores_below(const struct inner *inner, double score)
{
    unsigned below = 0, i = 0, count = inner->node.count;
#ifdef __SSE2__
    const __m128d wanted = _mm_set1_pd(score);
    __m128i found = _mm_setzero_si128(); /* a score that is below is minus one to it */
    for (; i < (count & ~3u); i += 4) {
        __m128d two = _mm_loadu_pd(inner->scores + i), more = _mm_loadu_pd(inner->scores + i + 2);
        found = _mm_sub_epi64(found, _mm_castpd_si128(_mm_cmplt_pd(two, wanted)));
        found = _mm_sub_epi64(found, _mm_castpd_si128(_mm_cmplt_pd(more, wanted)));
    }
    found = _mm_add_epi64(found, _mm_unpackhi_epi64(found, found));
    below = (unsigned)_mm_cvtsi128_si32(found);
#endif
    for (; i < count; i++) below += inner->scores[i] < score;
    return below;
}

#define LEAF_BLOCK 8

/* The same of a leaf, whose scores stand in the elements: the last of every eight says in which
 * eight to look. So two loads wait for each other instead of six, and of a large tree, where every
 * element is somewhere else, seven are fetched at a time. */
static inline unsigned leaf_scores_below(const struct leaf *leaf, double score)
{
    unsigned count = leaf->node.count, blocks = 0, below = 0;
    for (unsigned i = LEAF_BLOCK - 1; i < count; i += LEAF_BLOCK)
        blocks += leaf->elements[i]->score < score;
    unsigned start = blocks * LEAF_BLOCK;
    unsigned end = MIN(start + LEAF_BLOCK - 1, count); /* the last one is known */
    for (unsigned i = start; i < end; i++) below += leaf->elements[i]->score < score;
    return start + below;
}

/* The child to go down to: the last whose first element is not behind the bound. */
static inline unsigned inner_search(const struct inner *inner, const struct btree_bound *bound)
{
    bool is_by_score = bound_is_by_score(bound);
    unsigned low = is_by_score ? MAX(scores_below(inner, bound->score), 1u) : 1;
    unsigned high = inner->node.count;
    if (is_by_score && (low >= high || inner->scores[low] != bound->score)) return low - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (compare(bound, inner->scores[middle], inner->firsts[middle]) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

/* The first element that is not before the bound. Where members decide, three steps of the search
 * wait for one element of a large tree, because all that they may look at is fetched together. */
static unsigned leaf_search(const struct leaf *leaf, const struct btree_bound *bound, bool is_large)
{
    unsigned low = 0, high = leaf->node.count;
    if (bound_is_by_score(bound)) {
        low = leaf_scores_below(leaf, bound->score);
        if (low == high || leaf->elements[low]->score != bound->score) return low;
        unsigned ties = 1; /* few, as a rule */
        while (low + ties < high && leaf->elements[low + ties]->score == bound->score) ties *= 2;
        high = MIN(low + ties, high);
    }
    for (unsigned step = 0; low < high; step++) {
        if (is_large && step % 3 == 0)
            for (unsigned i = 1; i < 8; i++)
                __builtin_prefetch(leaf->elements[low + (high - low) * i / 8]);
        unsigned middle = (low + high) / 2;
        const struct element *element = leaf->elements[middle];
        if (compare(bound, element->score, element) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The place of an element that is there, without a look at any other. */
static unsigned leaf_find(const struct leaf *leaf, const struct element *element)
{
    unsigned place = 0;
#ifdef __SSE2__
    /* The lower halves of four addresses side by side: two that agree in those are rare. */
    const __m128i wanted = _mm_set1_epi32((int)(uintptr_t)element);
    for (; place < (leaf->node.count & ~3u); place += 4) {
        __m128 first = _mm_loadu_ps((const float *)(const void *)(leaf->elements + place));
        __m128 second = _mm_loadu_ps((const float *)(const void *)(leaf->elements + place + 2));
        __m128i low = _mm_castps_si128(_mm_shuffle_ps(first, second, 0x88));
        int found = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(low, wanted)));
        if (found == 0) continue;
        unsigned at = place + (unsigned)__builtin_ctz((unsigned)found);
        if (leaf->elements[at] == element) return at;
        break;
    }
#endif
    while (place < leaf->node.count && leaf->elements[place] != element) place++;
    ensure(place < leaf->node.count);
    return place;
}

/* Not more than 2^32 in all. */
static inline size_t counts_sum(const struct inner *inner, unsigned until)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < until; i++) sum += inner->counts[i];
    return sum;
}

/* All of a leaf; counts and scores of an inner node. */
static void prefetch_node(const struct btree_node *node)
{
    for (unsigned line = 0; line < sizeof(struct leaf) / 64; line++)
        __builtin_prefetch((const char *)node + line * (size_t)64);
}

/* Down to the leaf of the bound. NULL: an empty tree. */
static inline struct leaf *find_leaf(const struct btree *tree, const struct btree_bound *bound,
                                     struct btree_cursor *cursor)
{
    struct btree_node *node = tree->root;
    cursor->depth = 0;
    if (node == NULL) return NULL;
    for (; node->level > 0; cursor->depth++) {
        ensure(cursor->depth + 1 < BTREE_DEPTH_MAX);
        const struct inner *inner = inner_of(node);
        unsigned place = inner_search(inner, bound);
        cursor->nodes[cursor->depth] = node;
        cursor->places[cursor->depth] = (uint16_t)place;
        node = inner->children[place];
        prefetch_node(node);
    }
    cursor->nodes[cursor->depth++] = node;
    return leaf_of(node);
}

/* How many elements are before the cursor. */
static size_t cursor_rank(const struct btree_cursor *cursor)
{
    if (cursor->depth == 0) return 0;
    size_t rank = cursor->places[cursor->depth - 1];
    for (unsigned level = 0; level + 1 < cursor->depth; level++)
        rank += counts_sum(inner_of(cursor->nodes[level]), cursor->places[level]);
    return rank;
}

static void seek_bound(const struct btree *tree, const struct btree_bound *bound,
                       struct btree_cursor *cursor)
{
    const struct leaf *leaf = find_leaf(tree, bound, cursor);
    if (leaf == NULL) return;
    unsigned place = leaf_search(leaf, bound, cursor->depth > 2);
    cursor->places[cursor->depth - 1] = (uint16_t)place;
}

size_t btree_seek(const struct btree *tree, const struct btree_bound *bound,
                  struct btree_cursor *cursor)
{
    seek_bound(tree, bound, cursor);
    return cursor_rank(cursor);
}

/* The same for an element that is there. */
static void seek_element(const struct btree *tree, const struct element *element,
                         struct btree_cursor *cursor)
{
    const struct btree_bound bound = { BTREE_ELEMENT, element->score, element_member(element) };
    const struct leaf *leaf = find_leaf(tree, &bound, cursor);
    ensure(leaf != NULL);
    cursor->places[cursor->depth - 1] = (uint16_t)leaf_find(leaf, element);
}

size_t btree_rank(const struct btree *tree, const struct element *element)
{
    struct btree_cursor cursor;
    seek_element(tree, element, &cursor);
    return cursor_rank(&cursor);
}

void btree_seek_rank(const struct btree *tree, size_t rank, struct btree_cursor *cursor)
{
    cursor->depth = 0;
    for (struct btree_node *node = tree->root; node != NULL;) {
        unsigned level = cursor->depth++;
        ensure(level < BTREE_DEPTH_MAX);
        cursor->nodes[level] = node;
        if (node->level == 0) {
            ensure(rank <= node->count);
            cursor->places[level] = (uint16_t)rank;
            return;
        }
        const struct inner *inner = inner_of(node);
        unsigned place = 0;
        while (place + 1u < node->count && rank >= inner->counts[place])
            rank -= inner->counts[place++];
        cursor->places[level] = (uint16_t)place;
        node = inner->children[place];
    }
}

/* ---- walking ---- */

/* From the node at this level of the cursor, whose place is known, down to a leaf's end. */
static void descend(struct btree_cursor *cursor, unsigned level, bool is_last)
{
    while (level + 1 < cursor->depth) {
        const struct inner *inner = inner_of(cursor->nodes[level]);
        struct btree_node *child = inner->children[cursor->places[level]];
        unsigned end = child->level == 0 ? child->count : child->count - 1u;
        cursor->nodes[++level] = child;
        cursor->places[level] = (uint16_t)(is_last ? end : 0);
    }
}

static inline void prefetch(const struct leaf *leaf, unsigned place)
{
    if (place < leaf->node.count) __builtin_prefetch(leaf->elements[place]);
}

struct element *btree_next(struct btree_cursor *cursor)
{
    if (cursor->depth == 0) return NULL;
    unsigned last = cursor->depth - 1;
    if (cursor->places[last] == cursor->nodes[last]->count) {
        unsigned level = last;
        while (level > 0 && cursor->places[level - 1] + 1u == cursor->nodes[level - 1]->count)
            level--;
        if (level == 0) return NULL;
        cursor->places[level - 1]++;
        descend(cursor, level - 1, false);
        for (unsigned i = 0; i < PREFETCH_DISTANCE; i++) prefetch(leaf_of(cursor->nodes[last]), i);
    }
    struct leaf *leaf = leaf_of(cursor->nodes[last]);
    prefetch(leaf, cursor->places[last] + PREFETCH_DISTANCE);
    return leaf->elements[cursor->places[last]++];
}

struct element *btree_previous(struct btree_cursor *cursor)
{
    if (cursor->depth == 0) return NULL;
    unsigned last = cursor->depth - 1;
    if (cursor->places[last] == 0) {
        unsigned level = last;
        while (level > 0 && cursor->places[level - 1] == 0) level--;
        if (level == 0) return NULL;
        cursor->places[level - 1]--;
        descend(cursor, level - 1, true);
    }
    struct leaf *leaf = leaf_of(cursor->nodes[last]);
    unsigned place = --cursor->places[last];
    if (place >= PREFETCH_DISTANCE) prefetch(leaf, place - PREFETCH_DISTANCE);
    return leaf->elements[place];
}

/* ---- changing nodes ---- */

/* The `count` children at `from` move from one node to another, or within one. */
static void inner_move(struct inner *into, unsigned at, const struct inner *from, unsigned place,
                       unsigned count)
{
    memmove(into->counts + at, from->counts + place, count * sizeof(*into->counts));
    memmove(into->scores + at, from->scores + place, count * sizeof(*into->scores));
    memmove(into->firsts + at, from->firsts + place, count * sizeof(*into->firsts));
    memmove(into->children + at, from->children + place, count * sizeof(*into->children));
}

/* As above, for nodes of either kind. */
static void node_move(struct btree_node *into, unsigned at, struct btree_node *from, unsigned place,
                      unsigned count)
{
    if (into->level > 0) {
        inner_move(inner_of(into), at, inner_of(from), place, count);
        return;
    }
    memmove(leaf_of(into)->elements + at, leaf_of(from)->elements + place,
            count * sizeof(struct element *));
}

/* The child's first element, as the parent knows it. */
static void inner_refresh_first(struct inner *inner, unsigned place)
{
    const struct element *first = node_first(inner->children[place]);
    inner->firsts[place] = first;
    inner->scores[place] = first->score;
}

static void inner_insert(struct inner *inner, unsigned place, struct btree_node *child)
{
    ensure(inner->node.count < INNER_MAX);
    inner_move(inner, place + 1, inner, place, inner->node.count - place);
    inner->node.count++;
    inner->children[place] = child;
    inner->counts[place] = (uint32_t)node_total(child);
    if (child->count > 0) inner_refresh_first(inner, place);
}

static void inner_remove(struct inner *inner, unsigned place)
{
    inner_move(inner, place, inner, place + 1, inner->node.count - place - 1u);
    inner->node.count--;
}

/* After a change below: the first elements of all ancestors along the cursor. */
static void refresh_firsts(struct btree_cursor *cursor)
{
    for (unsigned level = cursor->depth - 1; level > 0; level--) {
        inner_refresh_first(inner_of(cursor->nodes[level - 1]), cursor->places[level - 1]);
        if (cursor->places[level - 1] > 0) return;
    }
}

static void counts_add(struct btree_cursor *cursor, uint32_t change)
{
    for (unsigned level = 0; level + 1 < cursor->depth; level++)
        inner_of(cursor->nodes[level])->counts[cursor->places[level]] += change;
}

/* ---- inserting ---- */

/* How much of a full node stays when it is split. At either end of the tree nothing moves, so that
 * elements that come in their order fill the leaves. */
static unsigned split_point(const struct btree_cursor *cursor, unsigned level)
{
    bool is_first = true, is_last = true;
    for (unsigned i = 0; i <= level; i++) {
        const struct btree_node *node = cursor->nodes[i];
        unsigned end = node->level == 0 ? node->count : node->count - 1u;
        is_first = is_first && cursor->places[i] == 0;
        is_last = is_last && cursor->places[i] == end;
    }
    const struct btree_node *node = cursor->nodes[level];
    unsigned kept = node->level == 0 ? 0 : 1; /* an inner node is never empty */
    if (is_last) return node->count - kept;
    if (is_first) return kept;
    return node->count / 2u;
}

/* Splits the node of this level, whose parent has room, and keeps the cursor in its place. */
static void split(struct btree *tree, struct btree_cursor *cursor, unsigned level)
{
    struct btree_node *node = cursor->nodes[level];
    struct inner *parent = inner_of(cursor->nodes[level - 1]);
    unsigned place = cursor->places[level - 1];
    unsigned kept = split_point(cursor, level);
    struct btree_node *right = node_create(tree, node->level);
    right->count = (uint16_t)(node->count - kept);
    node_move(right, 0, node, kept, right->count);
    node->count = (uint16_t)kept;
    inner_insert(parent, place + 1, right);
    parent->counts[place] -= parent->counts[place + 1];
    bool goes_right =
        kept > 0 && (node->level == 0 && right->count > 0 ? cursor->places[level] > kept
                                                          : cursor->places[level] >= kept);
    if (!goes_right) return;
    cursor->places[level - 1]++;
    cursor->nodes[level] = right;
    cursor->places[level] = (uint16_t)(cursor->places[level] - kept);
}

static void grow_root(struct btree *tree, struct btree_cursor *cursor)
{
    struct btree_node *old = tree->root;
    struct btree_node *root = node_create(tree, (uint16_t)(old->level + 1u));
    ensure(cursor->depth < BTREE_DEPTH_MAX);
    inner_insert(inner_of(root), 0, old);
    memmove(cursor->nodes + 1, cursor->nodes, cursor->depth * sizeof(*cursor->nodes));
    memmove(cursor->places + 1, cursor->places, cursor->depth * sizeof(*cursor->places));
    cursor->nodes[0] = root;
    cursor->places[0] = 0;
    cursor->depth++;
    tree->root = root;
}

/* Splits the leaf, and first what above it is full. */
static void make_room(struct btree *tree, struct btree_cursor *cursor)
{
    unsigned level = cursor->depth - 1;
    while (level > 0 && cursor->nodes[level - 1]->count == INNER_MAX) level--;
    if (level == 0) {
        grow_root(tree, cursor);
        level = 1;
    }
    for (; level < cursor->depth; level++) split(tree, cursor, level);
}

void btree_insert(struct btree *tree, struct element *element)
{
    struct btree_cursor cursor;
    struct btree_bound bound = { BTREE_ELEMENT, element->score, element_member(element) };
    if (tree->root == NULL) tree->root = node_create(tree, 0);
    seek_bound(tree, &bound, &cursor);
    if (cursor.nodes[cursor.depth - 1]->count == LEAF_MAX) make_room(tree, &cursor);

    unsigned last = cursor.depth - 1;
    unsigned place = cursor.places[last];
    struct leaf *leaf = leaf_of(cursor.nodes[last]);
    memmove(leaf->elements + place + 1, leaf->elements + place,
            (leaf->node.count - place) * sizeof(*leaf->elements));
    leaf->elements[place] = element;
    leaf->node.count++;
    counts_add(&cursor, 1);
    if (place == 0) refresh_firsts(&cursor);
}

/* ---- removing ---- */

/* Two neighbours become one, or share what they have. Returns the place of the node that is there
 * for the poor one. */
static unsigned join(struct btree *tree, struct inner *parent, unsigned place)
{
    unsigned left_place = place > 0 ? place - 1 : 0;
    struct btree_node *left = parent->children[left_place];
    struct btree_node *right = parent->children[left_place + 1];
    unsigned sum = left->count + right->count;
    bool merges = CAN_MERGE(sum, node_max(left));
    unsigned left_count = merges ? sum : sum / 2;
    if (left_count > left->count) {
        unsigned moved = left_count - left->count;
        node_move(left, left->count, right, 0, moved);
        node_move(right, 0, right, moved, right->count - moved);
    } else {
        unsigned moved = left->count - left_count;
        node_move(right, moved, right, 0, right->count);
        node_move(right, 0, left, left_count, moved);
    }
    left->count = (uint16_t)left_count;
    right->count = (uint16_t)(sum - left_count);
    uint32_t total = parent->counts[left_place] + parent->counts[left_place + 1];
    parent->counts[left_place] = (uint32_t)node_total(left);
    parent->counts[left_place + 1] = total - parent->counts[left_place];
    inner_refresh_first(parent, left_place);
    if (!merges) {
        inner_refresh_first(parent, left_place + 1);
        return place;
    }
    node_free(tree, right);
    inner_remove(parent, left_place + 1);
    return left_place;
}

/* The node of this level lost something: it must not become too poor. True when its parent's idea
 * of it may have to be told further up. */
static bool mend(struct btree *tree, struct btree_cursor *cursor, unsigned level)
{
    struct btree_node *node = cursor->nodes[level];
    struct inner *parent = inner_of(cursor->nodes[level - 1]);
    unsigned place = cursor->places[level - 1];
    if (IS_POOR(node->count, node_max(node)) && parent->node.count > 1) {
        join(tree, parent, place);
        return true;
    }
    if (node->count == 0) { /* the only child */
        node_free(tree, node);
        inner_remove(parent, place);
        return true;
    }
    if (parent->firsts[place] == node_first(node)) return false;
    inner_refresh_first(parent, place);
    return true;
}

static void shrink_root(struct btree *tree)
{
    while (tree->root != NULL) {
        struct btree_node *root = tree->root;
        if (root->count > 1 || (root->count == 1 && root->level == 0)) return;
        tree->root = root->count == 0 ? NULL : inner_of(root)->children[0];
        node_free(tree, root);
    }
}

static struct element *remove_at(struct btree *tree, struct btree_cursor *cursor)
{
    unsigned last = cursor->depth - 1;
    unsigned place = cursor->places[last];
    struct leaf *leaf = leaf_of(cursor->nodes[last]);
    ensure(place < leaf->node.count);
    struct element *element = leaf->elements[place];
    leaf->node.count--;
    memmove(leaf->elements + place, leaf->elements + place + 1,
            (leaf->node.count - place) * sizeof(*leaf->elements));
    counts_add(cursor, UINT32_MAX); /* minus one */
    for (unsigned level = last; level > 0; level--)
        if (!mend(tree, cursor, level)) break;
    shrink_root(tree);
    return element;
}

void btree_remove(struct btree *tree, const struct element *element)
{
    struct btree_cursor cursor;
    seek_element(tree, element, &cursor);
    remove_at(tree, &cursor);
}

struct element *btree_take_at(struct btree *tree, size_t rank)
{
    struct btree_cursor cursor;
    btree_seek_rank(tree, rank, &cursor);
    ensure(cursor.depth > 0);
    return remove_at(tree, &cursor);
}

/* Neighbours in other leaves are not asked: those elements go the long way. */
bool btree_rescore(struct btree *tree, struct element *element, double score)
{
    struct btree_cursor cursor;
    seek_element(tree, element, &cursor);
    struct leaf *leaf = leaf_of(cursor.nodes[cursor.depth - 1]);
    unsigned place = cursor.places[cursor.depth - 1];
    const struct btree_bound bound = { BTREE_ELEMENT, score, element_member(element) };
    bool fits = place > 0 && place + 1u < leaf->node.count;
    if (fits) {
        const struct element *before = leaf->elements[place - 1];
        const struct element *behind = leaf->elements[place + 1];
        fits = compare(&bound, before->score, before) < 0 &&
               compare(&bound, behind->score, behind) > 0;
    }
    if (fits)
        element->score = score;
    else
        remove_at(tree, &cursor);
    return fits;
}

/* ---- all of it ---- */

void btree_fini(struct btree *tree)
{
    struct btree_cursor cursor = { 0 };
    if (tree->root != NULL) {
        cursor.nodes[0] = tree->root;
        cursor.depth = 1;
    }
    while (cursor.depth > 0) { /* places say which child comes next */
        unsigned level = cursor.depth - 1;
        struct btree_node *node = cursor.nodes[level];
        if (node->level == 0 || cursor.places[level] == node->count) {
            node_free(tree, node);
            cursor.depth--;
            continue;
        }
        cursor.nodes[level + 1] = inner_of(node)->children[cursor.places[level]++];
        cursor.places[level + 1] = 0;
        cursor.depth++;
    }
    *tree = (struct btree){ 0 };
}

static bool inner_is_sound(const struct inner *inner)
{
    for (unsigned i = 0; i < inner->node.count; i++) {
        struct btree_node *child = inner->children[i];
        if (child->level + 1u != inner->node.level || child->count == 0) return false;
        if (inner->counts[i] != node_total(child)) return false;
        if (inner->firsts[i] != node_first(child)) return false;
        if (inner->scores[i] != inner->firsts[i]->score) return false;
    }
    return true;
}

bool btree_is_sound(const struct btree *tree)
{
    struct btree_cursor cursor;
    const struct element *before = NULL;
    size_t count = 0;
    btree_seek_rank(tree, 0, &cursor);
    for (struct element *element; (element = btree_next(&cursor)) != NULL; count++) {
        for (unsigned i = 0; i + 1 < cursor.depth; i++)
            if (!inner_is_sound(inner_of(cursor.nodes[i]))) return false;
        if (before != NULL) {
            struct btree_bound bound = { BTREE_ELEMENT, element->score, element_member(element) };
            if (btree_bound_compare(&bound, before->score, element_member(before)) >= 0)
                return false;
        }
        before = element;
    }
    return count == btree_count(tree);
}
