/* Bus packets: a stream is cut into messages as a link would, and what decodes must encode again
 * to something that decodes. */
#include "cluster/wire.h"

#include "base/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(const struct cluster_message *message)
{
    struct buffer bytes = { 0 };
    wire_encode(message, &bytes);

    struct cluster_message *again;
    size_t used;
    ensure(wire_decode(buffer_bytes(&bytes), &again, &used) == WIRE_MESSAGE);
    ensure(used == bytes.size);
    ensure(again->type == message->type);
    ensure(again->gossip_count == message->gossip_count);
    ensure(bytes_equal(again->payload, message->payload));
    message_destroy(again);
    buffer_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    while (input.size > 0) {
        struct cluster_message *message;
        size_t used;
        enum wire_result result = wire_decode(input, &message, &used);
        if (result == WIRE_MORE || result == WIRE_CLOSE) break;
        ensure(used >= WIRE_LIGHT_SIZE && used <= input.size);
        if (result == WIRE_MESSAGE) encode_again(message);
        message_destroy(message);
        input = bytes_from(input, used);
    }
    return 0;
}
