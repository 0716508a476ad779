/* Making, copying and freeing bus messages: who owns which part stands in message.h. */
#include "cluster/message.h"

#include "base/ensure.h"
#include "base/memory.h"

struct cluster_message *message_create(enum message_type type)
{
    ensure(type < MESSAGE_TYPE_COUNT);
    struct cluster_message *message = memory_alloc_zero(sizeof(*message));
    message->type = type;
    return message;
}

static void *copy_block(const void *block, size_t size)
{
    if (block == NULL) return NULL;
    void *copy = memory_alloc(size > 0 ? size : 1);
    if (size > 0) memcpy(copy, block, size);
    return copy;
}

struct extensions *extensions_share(struct extensions *extensions)
{
    ensure(extensions->references < UINT32_MAX);
    extensions->references++;
    return extensions;
}

void extensions_destroy(struct extensions *extensions)
{
    if (extensions == NULL) return;
    if (extensions->references > 0) {
        extensions->references--;
        return;
    }
    memory_free(extensions->forgotten);
    memory_free(extensions);
}

struct cluster_message *message_clone(const struct cluster_message *message)
{
    struct cluster_message *copy = copy_block(message, sizeof(*message));
    copy->references = 0;
    copy->gossip = copy_block(message->gossip, message->gossip_count * sizeof(*message->gossip));
    slot_map_share(copy->slots);
    if (message->extensions != NULL) extensions_share(copy->extensions);
    copy->subject_slots = copy_block(message->subject_slots, sizeof(*message->subject_slots));

    copy->body = NULL;
    copy->channel = copy->payload = (struct bytes){ 0 };
    message_set_body(copy, message->channel, message->payload);
    return copy;
}

void message_set_body(struct cluster_message *message, struct bytes channel, struct bytes payload)
{
    ensure(message->body == NULL);
    size_t size = channel.size + payload.size;
    if (size == 0) return;

    message->body = memory_alloc(size);
    if (channel.size > 0) memcpy(message->body, channel.data, channel.size);
    if (payload.size > 0) memcpy(message->body + channel.size, payload.data, payload.size);
    message->channel = bytes_of(message->body, channel.size);
    message->payload = bytes_of(message->body + channel.size, payload.size);
}

struct cluster_message *message_share(struct cluster_message *message)
{
    ensure(message->references < UINT32_MAX);
    message->references++;
    return message;
}

void message_destroy(struct cluster_message *message)
{
    if (message == NULL) return;
    if (message->references > 0) {
        message->references--;
        return;
    }
    slot_map_destroy(message->slots);
    extensions_destroy(message->extensions);
    memory_free(message->gossip);
    memory_free(message->subject_slots);
    memory_free(message->body);
    memory_free(message);
}
