"""What every command that writes can do to a key, for comparing what two servers tell of it."""
import shlex

import writing_sorted_sets

# One command a line. A key with PX 1 has expired after the sleep; the cycle is switched off, so
# that it is the next command that finds it.
COMMANDS = r"""SET k v
SET k v
SET k v EX 100
SET k v KEEPTTL
SET k v PXAT 1
SET k v PXAT 1
SET k v NX
SET k v NX
SET k v XX
SET k v GET
SET k v IFEQ v
SET k v IFEQ other
SET nokey v XX
SET nokey v GET XX
SET nokey v IFEQ v
SET k2 v NX GET EX 100
SETNX k x
SETNX k3 x
SETEX k 100 v
PSETEX k 100000 v
SETEX k 0 v
GETSET k v
GETSET k4 v
GET k
GET nokey
MGET k nokey nokey2
STRLEN nokey
GETRANGE nokey 0 1
SUBSTR nokey 0 1
EXISTS nokey
TYPE nokey
TTL nokey
PTTL nokey
EXPIRETIME nokey
TOUCH nokey k
OBJECT ENCODING nokey
OBJECT IDLETIME nokey
DUMP nokey
MSET a 1 b 2
MSETNX a 1 c 2
MSETNX c 1 d 2
MSETEX 2 a 1 b 2
MSETEX 2 a 1 e 2 EX 100
MSETEX 2 a 1 e 2 KEEPTTL
MSETEX 2 a 1 b 2 NX
MSETEX 1 a 1 PXAT 1
MSETEX 2 a 1 a 2 KEEPTTL
GETDEL k
GETDEL k
SET k v
DELIFEQ k x
DELIFEQ k v
DELIFEQ k v
SET k v
GETEX k
GETEX k EX 100
GETEX k PERSIST
GETEX k PERSIST
GETEX k PXAT 1
GETEX k
INCR n
INCR n
DECR n
INCRBY n 5
DECRBY n 5
INCRBYFLOAT n 1.5
INCRBYFLOAT nf 1.5
INCR n
APPEND ap x
APPEND ap y
APPEND ap ""
APPEND ap2 ""
SETRANGE sr 5 x
SETRANGE sr 0 y
SETRANGE sr2 5 ""
DEL a b nokey a
UNLINK c nokey
SET a 1
SET b 2
RENAME a b
RENAME b b
RENAME b c
RENAME nokey c
RENAMENX c d
RENAMENX c cc
RENAMENX c cc
SET src 1 EX 100
COPY src dst
COPY src dst
COPY src dst REPLACE
COPY nokey dst REPLACE
COPY src dst DB 1
COPY src dst DB 1 REPLACE
MOVE src 1
MOVE src 1
MOVE nokey 1
EXPIRE dst 100
EXPIRE dst 100 NX
EXPIRE dst 200 GT
PEXPIRE dst 10000
EXPIREAT dst 99999999999
PEXPIREAT dst 99999999999999
EXPIRE dst -1
EXPIRE nokey 10
PERSIST dst
SET p 1 EX 100
PERSIST p
PERSIST p
RESTORE rs 0 "\x00\x01aP\x00p\xd4&\n\x11d\x1a@"
RESTORE rs 0 "\x00\x01aP\x00p\xd4&\n\x11d\x1a@"
RESTORE rs 100000 "\x00\x01aP\x00p\xd4&\n\x11d\x1a@" REPLACE
RESTORE rs 1 "\x00\x01aP\x00p\xd4&\n\x11d\x1a@" REPLACE ABSTTL
RESTORE rs 1 "\x00\x01aP\x00p\xd4&\n\x11d\x1a@" ABSTTL
SETBIT sb 1 1
SETBIT sb 1 1
SETBIT sb 1 0
SETBIT sb 100 0
BITFIELD sb SET u8 0 3
BITFIELD sb SET u8 0 3
BITFIELD sb SET u8 0 3 INCRBY u8 0 1 GET u8 8
BITFIELD sb OVERFLOW FAIL INCRBY u8 0 1000
BITFIELD sb2 OVERFLOW FAIL INCRBY u8 0 1000
BITFIELD sb INCRBY u8 2000 0
BITOP AND bd sb nokey
BITOP AND bd sb
BITOP AND bd nokey
BITOP AND bd nokey
GETBIT nokey 1
BITCOUNT nokey
BITPOS nokey 1
BITFIELD nokey GET u8 0
BITFIELD_RO nokey GET u8 0
LCS nokey nokey2
SCAN 0 MATCH nothing
SWAPDB 0 1
SET k v
SWAPDB 0 1
SELECT 5
SET k v EX 10
DEL k
MOVE k 0
SELECT 0
MULTI
SET m 1
INCR m
DEL m
EXEC
FLUSHDB
FLUSHALL
SET k v PX 1
DEBUG SLEEP 0.02
GET k
SET k v PX 1
DEBUG SLEEP 0.02
SET k v
SET k v PX 1
DEBUG SLEEP 0.02
SET k v PX 1 GET
DEBUG SLEEP 0.02
DEL k
SET k v PX 1
DEBUG SLEEP 0.02
INCR k
EXPIRE k 0
SET k v PX 1
DEBUG SLEEP 0.02
RENAME k other
SET k v PX 1
SET k2 v
DEBUG SLEEP 0.02
RENAME k2 k
SET k v PX 1
SET k2 v
DEBUG SLEEP 0.02
COPY k2 k
SET k v PX 1
DEBUG SLEEP 0.02
SETEX k 10 v
SET k v PX 1
DEBUG SLEEP 0.02
PERSIST k
SET k v PX 1
DEBUG SLEEP 0.02
EXPIRE k 10
SET k v PX 1
DEBUG SLEEP 0.02
SETNX k v
SET k v PX 1
DEBUG SLEEP 0.02
APPEND k v
SET k v PX 1
DEBUG SLEEP 0.02
TTL k""".split("\n") + writing_sorted_sets.COMMANDS


def words_of(line):
    return [word.encode().decode("unicode_escape").encode("latin1") for word in shlex.split(line)]
