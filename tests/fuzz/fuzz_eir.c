/* Fuzzes what Eir nodes tell each other, and what agreement and votes read from nodes.conf: any
 * bytes are refused or understood, and what is understood is written again as the same bytes. */
#include "base/ensure.h"
#include "cluster/agreement.h"
#include "cluster/eir_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_formation(struct bytes input)
{
    struct formation_message message;
    if (formation_message_read(input, &message)) return;
    struct buffer again;
    buffer_init(&again);
    formation_message_write(&message, &again);
    ensure(bytes_equal(buffer_bytes(&again), input));
    buffer_fini(&again);

    struct agreement agreement;
    struct plan_shape shape = { .shards = message.shards,
                                .replicas_per_shard = message.replicas_per_shard };
    struct node_id self, sender;
    memset(self.hex, 'a', sizeof(self.hex));
    memset(sender.hex, 'b', sizeof(sender.hex));
    if (plan_size(&shape) > 0 && plan_size(&shape) < 64) {
        agreement_init(&agreement, &shape, &self);
        agreement_hear(&agreement, &sender, &message, 1000);
        agreement_step(&agreement, 1000);
        agreement_fini(&agreement);
    }
    formation_message_fini(&message);
}

static void check_small(struct bytes input)
{
    struct buffer again;
    buffer_init(&again);
    struct eir_nack nack;
    if (!eir_nack_read(input, &nack)) {
        eir_nack_write(&nack, &again);
        ensure(bytes_equal(buffer_bytes(&again), input));
    }
    buffer_clear(&again);
    struct eir_offset offset;
    if (!eir_offset_read(input, &offset)) {
        eir_offset_write(&offset, &again);
        ensure(bytes_equal(buffer_bytes(&again), input));
    }
    buffer_fini(&again);
}

static void check_lock(struct bytes input)
{
    struct agreement agreement;
    struct plan_shape shape = { .shards = 1 };
    struct node_id self;
    memset(self.hex, 'a', sizeof(self.hex));
    agreement_init(&agreement, &shape, &self);
    if (agreement_read_lock(&agreement, input)) {
        struct buffer again;
        buffer_init(&again);
        agreement_write_lock(&agreement, &again);
        ensure(again.size > 0);
        buffer_fini(&again);
    }
    if (!agreement_read_refused(&agreement, input)) agreement.refused_count = 0;
    agreement_fini(&agreement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    /* The first byte chooses, so that a corpus can hold inputs for each. */
    struct bytes input = bytes_of(data + 1, size - 1);
    if (data[0] == 'f') check_formation(input);
    else if (data[0] == 'l') check_lock(input);
    else check_small(input);
    return 0;
}
