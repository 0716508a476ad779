"""All data of a server, read and compared: type, encoding, expiry, payload, contents."""
import families
from resp_client import ReplyError

PATIENCE_MS = 60000  # what may pass between two readings of a time that ends relative to now


def of_key(run, key, kind):
    """(type, encoding, expiry, payload or None, contents) of one key."""
    questions = [[b"OBJECT", b"ENCODING", key], [b"PEXPIRETIME", key], [b"DUMP", key]]
    read, ordered = families.CONTENTS.get(kind, (None, None))
    replies = [reply for reply, _ in run(questions + ([read(key)] if read else []))]
    encoding, expiry, payload = replies[:3]
    contents = replies[3] if read else None
    if encoding in families.UNORDERED or kind in families.TIMED:
        payload = None
    if read and not isinstance(contents, ReplyError):
        contents = ordered(contents)
    return kind, encoding, expiry, payload, contents


def of_server(run, databases):
    """{(database, key): what of_key answers}"""
    run([[b"DISCARD"], [b"UNWATCH"]])
    state = {}
    for db in range(databases):
        run([[b"SELECT", b"%d" % db]])
        keys = sorted(run([[b"KEYS", b"*"]])[0][0])
        for key, (kind, _) in zip(keys, run([[b"TYPE", key] for key in keys])):
            state[db, key] = of_key(run, key, kind)
    run([[b"SELECT", b"0"]])
    return state


def expiry_is_equal(one, other):
    return one == other or min(one, other) > 0 and abs(one - other) <= PATIENCE_MS


def is_equal(one, other):
    """Everything but the encoding, which may have its own reasons."""
    return (one[0], one[3], one[4]) == (other[0], other[3], other[4]) and \
        expiry_is_equal(one[2], other[2])


def is_copy(one, other):
    """The same data, however it is kept: a copy may have other encodings, and so payloads."""
    text = one[0] == "string"
    return one[0] == other[0] and one[2] == other[2] and \
        (one[3] == other[3] if text else one[4] == other[4])
