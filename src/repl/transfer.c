/* Framing of an incoming snapshot: see transfer.h. */
#include "repl/transfer.h"

#include "base/ensure.h"
#include "base/number.h"
#include "repl/internal.h"

bool transfer_begin(struct transfer *transfer, struct bytes line)
{
    static const struct bytes by_marker = { "$EOF:", 5 };
    *transfer = (struct transfer){ .frame = TRANSFER_UNKNOWN };
    if (bytes_starts_with(line, by_marker)) {
        struct bytes marker = bytes_from(line, by_marker.size);
        if (marker.size != TRANSFER_MARKER_SIZE) return false;
        memcpy(transfer->marker, marker.data, TRANSFER_MARKER_SIZE);
        transfer->frame = TRANSFER_BY_MARKER;
        return true;
    }
    if (line.size < 2 || line.data[0] != '$') return false;
    if (!number_parse_unsigned(bytes_from(line, 1), &transfer->size)) return false;
    if (transfer->size == 0) return false;
    transfer->frame = TRANSFER_BY_LENGTH;
    return true;
}

static void emit(struct transfer *transfer, struct bytes bytes, struct repl_effects *effects)
{
    if (bytes.size == 0) return;
    transfer->read += bytes.size;
    repl_effect_add(effects, REPL_LOAD)->bytes = bytes;
}

static size_t feed_by_length(struct transfer *transfer, struct bytes bytes,
                             struct repl_effects *effects)
{
    ensure(transfer->read < transfer->size);
    size_t part = (size_t)MIN((uint64_t)bytes.size, transfer->size - transfer->read);
    emit(transfer, bytes_of(bytes.data, part), effects);
    if (transfer->read == transfer->size) transfer->frame = TRANSFER_DONE;
    return part;
}

/* First place of the marker, or -1. */
static ptrdiff_t find_marker(const struct transfer *transfer, struct bytes bytes)
{
    if (bytes.size < TRANSFER_MARKER_SIZE) return -1;
    const char *found = memmem(bytes.data, bytes.size, transfer->marker, sizeof(transfer->marker));
    return found == NULL ? -1 : found - bytes.data;
}

static size_t feed_by_marker(struct transfer *transfer, struct bytes bytes,
                             struct repl_effects *effects)
{
    /* What was held, and as much of the new bytes as a marker that began there could need. */
    char *join = transfer->let_go;
    size_t held = transfer->held_size;
    size_t borrowed = MIN(bytes.size, sizeof(transfer->held));
    memcpy(join, transfer->held, held);
    memcpy(join + held, bytes.data, borrowed);

    ptrdiff_t in_join = find_marker(transfer, bytes_of(join, held + borrowed));
    if (in_join >= 0) {
        transfer->frame = TRANSFER_DONE;
        emit(transfer, bytes_of(join, (size_t)in_join), effects);
        return (size_t)in_join + TRANSFER_MARKER_SIZE - held;
    }
    ptrdiff_t in_bytes = find_marker(transfer, bytes);
    if (in_bytes >= 0) {
        transfer->frame = TRANSFER_DONE;
        emit(transfer, bytes_of(join, held), effects);
        emit(transfer, bytes_of(bytes.data, (size_t)in_bytes), effects);
        return (size_t)in_bytes + TRANSFER_MARKER_SIZE;
    }
    if (bytes.size >= sizeof(transfer->held)) {
        size_t rest = bytes.size - sizeof(transfer->held);
        emit(transfer, bytes_of(join, held), effects);
        emit(transfer, bytes_of(bytes.data, rest), effects);
        memcpy(transfer->held, bytes.data + rest, sizeof(transfer->held));
        transfer->held_size = sizeof(transfer->held);
        return bytes.size;
    }
    size_t total = held + bytes.size;
    size_t kept = MIN(total, sizeof(transfer->held));
    emit(transfer, bytes_of(join, total - kept), effects);
    memcpy(transfer->held, join + total - kept, kept);
    transfer->held_size = kept;
    return bytes.size;
}

size_t transfer_feed(struct transfer *transfer, struct bytes bytes, struct repl_effects *effects)
{
    switch (transfer->frame) {
    case TRANSFER_BY_LENGTH: return feed_by_length(transfer, bytes, effects);
    case TRANSFER_BY_MARKER: return feed_by_marker(transfer, bytes, effects);
    default: ensure_unreachable();
    }
}
