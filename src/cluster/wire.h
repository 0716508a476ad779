/* Bus bytes to messages and back: every length is checked here, and the rules never see a buffer.
 *
 *   0      4 8 10 12 14      16 24 32 40   80      2128  2168 2214 2216 2246 ... 2256
 *   | RCmb |len|ver|port|type|count| epochs, offset |sender| slots |primary| ip | ext | ours | */
#ifndef EIR_CLUSTER_WIRE_H
#define EIR_CLUSTER_WIRE_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/message.h"

#define WIRE_LIGHT_SIZE   16
#define WIRE_HEADER_SIZE  2256
/* A claimed length above these closes the link. Publications carry what clients may send: a channel
 * and a payload of the default proto-max-bulk-len (512 MiB) each. */
#define WIRE_MESSAGE_MAX     (64 * MIB)
#define WIRE_PUBLICATION_MAX (1 * GIB + 64 * KIB)

enum wire_result {
    WIRE_MESSAGE, /* *message is the caller's, *used bytes are done */
    WIRE_MORE,    /* *used is how many bytes the whole message needs, as far as known */
    WIRE_IGNORED, /* well framed, contents wrong or of an unknown type: *used bytes are skipped */
    WIRE_CLOSE,   /* signature, version or length wrong: nothing after it can be trusted */
};

enum wire_result wire_decode(struct bytes input, struct cluster_message **message, size_t *used);
/* Appends the bytes of the message. */
void wire_encode(const struct cluster_message *message, struct buffer *into);

#endif
