/* What a benchmark sends: a sequence of commands, written out once and then only patched. */
#ifndef EIR_TOOLS_BENCHMARK_REQUEST_H
#define EIR_TOOLS_BENCHMARK_REQUEST_H

#include "base/buffer.h"
#include "base/prng.h"

#define PLACE_KINDS      11 /* __rand_int__, __rand_1st__ ... __rand_9th__, {tag} */
#define PLACE_SAME_FIRST 1
#define PLACE_TAG        10

#define PLACE_DIGITS 12
#define TAG_LETTERS  3 /* of "{tag}" */

struct request_place {
    uint32_t offset;
    uint32_t kind;
};

/* One sequence of commands, as it goes over the wire. */
struct request_template {
    struct buffer text;
    uint32_t command_count;       /* as many replies follow */
    struct request_place *places; /* owned */
    size_t place_count;
    bool has_kind[PLACE_KINDS];
};

struct request_words {
    size_t argc;
    const struct bytes *argv;
    uint32_t times; /* the command is repeated so often */
};

/* Where random numbers come from and where they stop. */
struct request_numbers {
    uint64_t keyspace; /* above 0 where a template has places of numbers */
    bool is_sequential;
    uint64_t *next; /* PLACE_KINDS counters, shared by all threads; for sequential ones */
};

/* Tags whose slots one node of a cluster serves: TAG_LETTERS letters each. */
struct request_tags {
    const char *letters;
    size_t count;
};

/* `data` replaces __data__. Places of numbers are looked for only if has_numbers, {tag} only if
 * has_tags. */
void request_template_init(struct request_template *request, const struct request_words *commands,
                           size_t command_count, struct bytes data, bool has_numbers,
                           bool has_tags);
/* An inline request: the line as it is, with its line end. */
void request_template_init_inline(struct request_template *request, struct bytes line);
void request_template_fini(struct request_template *request);

/* Writes `copies` of it one behind the other. */
void request_template_repeat(const struct request_template *request, size_t copies,
                             struct buffer *into);
/* Puts fresh numbers into the first `copies` in `text`, and one tag into all places of a copy: what
 * belongs together has to stay in one slot. `tags` may be NULL: there are none. */
void request_template_patch(const struct request_template *request, char *text, size_t copies,
                            const struct request_numbers *numbers, const struct request_tags *tags,
                            struct prng *prng);

#endif
