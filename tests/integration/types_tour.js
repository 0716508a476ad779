// A tour of all types with the node libraries: node types_tour.js LIBRARY alone|cluster PORT...
//
// One function a type, told by what the library has of its own where it has something (node-redis
// makes numbers and objects of replies, ioredis leaves them as they come), by plain commands
// elsewhere. Says "done TYPE" after each and "failed ..." at the first thing that is wrong.
'use strict';
const assert = require('assert').strict;

const [library, kind, ...ports] = process.argv.slice(2);

async function connectIoredis() {
    const { Cluster, default: Redis } = require('ioredis');
    const client = kind === 'cluster'
        ? new Cluster(ports.map((port) => ({ host: '127.0.0.1', port: Number(port) })))
        : new Redis(Number(ports[0]));
    await new Promise((resolve) => client.once('ready', resolve));
    return client;
}

async function connectNodeRedis() {
    const { createClient, createCluster } = require('redis');
    const client = kind === 'cluster'
        ? createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })
        : createClient({ url: `redis://127.0.0.1:${ports[0]}` });
    client.on('error', (error) => console.log(`error ${error.message}`));
    await client.connect();
    return client;
}

function range(count, text) {
    return Array.from({ length: count }, (_, number) => `${text}${number}`);
}

const ioredis = {
    async list(client, key) {
        assert.equal(await client.rpush(key('l'), 'a', 'b', 'c'), 3);
        assert.deepEqual(await client.lrange(key('l'), 0, -1), ['a', 'b', 'c']);
        assert.equal(await client.lmove(key('l'), key('m'), 'LEFT', 'RIGHT'), 'a');
        assert.deepEqual(await client.blpop(key('m'), 1), [key('m'), 'a']);
        assert.equal(await client.blpop(key('m'), 0.01), null);
        assert.deepEqual(await client.lpop(key('l'), 2), ['b', 'c']);
    },
    async hash(client, key) {
        assert.equal(await client.hset(key('h'), { a: 1, b: 'two' }), 2);
        assert.deepEqual(await client.hgetall(key('h')), { a: '1', b: 'two' });
        assert.deepEqual(await client.hmget(key('h'), 'a', 'none'), ['1', null]);
        assert.equal(await client.hincrby(key('h'), 'a', 2), 3);
        assert.deepEqual(await client.call('HEXPIRE', key('h'), 100, 'FIELDS', 1, 'a'), [1]);
        let count = 0;
        await client.hset(key('h'), ...range(2000, 'f'));
        for (let at = '0', first = true; first || at !== '0'; first = false) {
            const [next, found] = await client.hscan(key('h'), at);
            at = next;
            count += found.length / 2;
        }
        assert(count >= 1002);
    },
    async set(client, key) {
        assert.equal(await client.sadd(key('s'), 1, 2, 3), 3);
        assert.equal(await client.sadd(key('t'), 2, 3, 4), 3);
        assert.deepEqual(await client.sinter(key('s'), key('t')), ['2', '3']);
        assert.equal(await client.sunionstore(key('u'), key('s'), key('t')), 4);
        assert.deepEqual(await client.smembers(key('u')), ['1', '2', '3', '4']);
        assert.deepEqual(await client.smismember(key('u'), 1, 9), [1, 0]);
        await client.sadd(key('u'), ...range(1000, 'm'));
        assert.equal((await client.spop(key('u'), 100)).length, 100);
        assert.equal(await client.scard(key('u')), 904);
    },
    async zset(client, key) {
        assert.equal(await client.zadd(key('z'), 1, 'a', 2.5, 'b'), 2);
        assert.deepEqual(await client.zrange(key('z'), 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2.5']);
        assert.equal(await client.zincrby(key('z'), 2, 'a'), '3');
        assert.equal(await client.zrank(key('z'), 'a'), 1);
        assert.deepEqual(await client.zrangebyscore(key('z'), '(2.5', '+inf'), ['a']);
        assert.deepEqual(await client.zpopmin(key('z')), ['b', '2.5']);
        assert.deepEqual(await client.bzpopmax(key('z'), 1), [key('z'), 'a', '3']);
    },
    async stream(client, key) {
        assert.equal(await client.xadd(key('x'), '1-1', 'f', 'v'), '1-1');
        assert.deepEqual(await client.xrange(key('x'), '-', '+'), [['1-1', ['f', 'v']]]);
        assert.equal(await client.xgroup('CREATE', key('x'), 'g', '0'), 'OK');
        assert.deepEqual(await client.xreadgroup('GROUP', 'g', 'me', 'COUNT', 1, 'STREAMS', key('x'), '>'),
            [[key('x'), [['1-1', ['f', 'v']]]]]);
        assert.equal(await client.xack(key('x'), 'g', '1-1'), 1);
    },
    async hyperloglog(client, key) {
        assert.equal(await client.pfadd(key('p'), ...range(1000, 'e')), 1);
        const count = await client.pfcount(key('p'));
        assert(count > 950 && count < 1050);
        assert.equal(await client.pfmerge(key('q'), key('p')), 'OK');
    },
    async geo(client, key) {
        assert.equal(await client.geoadd(key('g'), 13.361389, 38.115556, 'Palermo'), 1);
        assert.deepEqual(await client.geosearch(key('g'), 'FROMLONLAT', 13, 38, 'BYRADIUS', 50, 'km'),
            ['Palermo']);
        assert.equal((await client.geohash(key('g'), 'Palermo'))[0], 'sqc8b49rny0');
    },
    async sort(client, key) {
        await client.rpush(key('sort'), 3, 1, 2);
        assert.deepEqual(await client.sort(key('sort'), 'DESC'), ['3', '2', '1']);
        assert.equal(await client.sort(key('sort'), 'STORE', key('sorted')), 3);
    },
    async transaction(client, key) {
        const results = await client.multi().sadd(key('n'), 1).scard(key('n')).exec();
        assert.deepEqual(results, [[null, 1], [null, 1]]);
        await assert.rejects(client.lpush(key('n'), 'x'), /^ReplyError: WRONGTYPE/);
    },
};

const nodeRedis = {
    async list(client, key) {
        assert.equal(await client.rPush(key('l'), ['a', 'b', 'c']), 3);
        assert.deepEqual(await client.lRange(key('l'), 0, -1), ['a', 'b', 'c']);
        assert.equal(await client.lMove(key('l'), key('m'), 'LEFT', 'RIGHT'), 'a');
        assert.deepEqual({ ...await client.blPop(key('m'), 1) }, { key: key('m'), element: 'a' });
        assert.equal(await client.blPop(key('m'), 0.01), null);
        assert.deepEqual(await client.lPopCount(key('l'), 2), ['b', 'c']);
    },
    async hash(client, key) {
        assert.equal(await client.hSet(key('h'), { a: 1, b: 'two' }), 2);
        assert.deepEqual({ ...await client.hGetAll(key('h')) }, { a: '1', b: 'two' });
        assert.deepEqual(await client.hmGet(key('h'), ['a', 'none']), ['1', null]);
        assert.equal(await client.hIncrBy(key('h'), 'a', 2), 3);
        assert.deepEqual(await client.hExpire(key('h'), 'a', 100), [1]);
        assert.deepEqual(await client.hPersist(key('h'), 'a'), [1]);
        assert.deepEqual(await client.hKeys(key('h')), ['a', 'b']);
    },
    async set(client, key) {
        assert.equal(await client.sAdd(key('s'), ['1', '2', '3']), 3);
        assert.equal(await client.sAdd(key('t'), ['2', '3', '4']), 3);
        assert.deepEqual(await client.sInter([key('s'), key('t')]), ['2', '3']);
        assert.equal(await client.sUnionStore(key('u'), [key('s'), key('t')]), 4);
        assert.deepEqual(await client.sMembers(key('u')), ['1', '2', '3', '4']);
        assert.equal(await client.sInterCard([key('s'), key('t')]), 2);
        await client.sAdd(key('u'), range(1000, 'm'));
        assert.equal((await client.sRandMemberCount(key('u'), 100)).length, 100);
        assert.equal(await client.sCard(key('u')), 1004);
    },
    async zset(client, key) {
        assert.equal(await client.zAdd(key('z'), [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
        const found = (await client.zRangeWithScores(key('z'), 0, -1)).map((each) => ({ ...each }));
        assert.deepEqual(found, [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }]);
        assert.equal(await client.zIncrBy(key('z'), 2, 'a'), 3);
        assert.equal(await client.zRank(key('z'), 'a'), 1);
        assert.deepEqual({ ...await client.zPopMin(key('z')) }, { value: 'b', score: 2.5 });
        assert.equal(await client.zScore(key('z'), 'a'), 3);
    },
    async stream(client, key) {
        assert.equal(await client.xAdd(key('x'), '1-1', { f: 'v' }), '1-1');
        const [entry] = await client.xRange(key('x'), '-', '+');
        assert.equal(entry.id, '1-1');
        assert.deepEqual({ ...entry.message }, { f: 'v' });
        assert.equal(await client.xGroupCreate(key('x'), 'g', '0'), 'OK');
        const [read] = await client.xReadGroup('g', 'me', { key: key('x'), id: '>' }, { COUNT: 1 });
        assert.equal(read.messages[0].id, '1-1');
        assert.equal(await client.xAck(key('x'), 'g', '1-1'), 1);
    },
    async hyperloglog(client, key) {
        await client.pfAdd(key('p'), range(1000, 'e'));
        const count = await client.pfCount(key('p'));
        assert(count > 950 && count < 1050);
        assert.equal(await client.pfMerge(key('q'), [key('p')]), 'OK');
    },
    async geo(client, key) {
        const place = { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' };
        assert.equal(await client.geoAdd(key('g'), place), 1);
        assert.deepEqual(await client.geoSearch(key('g'), { longitude: 13, latitude: 38 },
            { radius: 50, unit: 'km' }), ['Palermo']);
        assert.equal((await client.geoHash(key('g'), 'Palermo'))[0], 'sqc8b49rny0');
    },
    async sort(client, key) {
        await client.rPush(key('sort'), ['3', '1', '2']);
        assert.deepEqual(await client.sort(key('sort'), { DIRECTION: 'DESC' }), ['3', '2', '1']);
        assert.equal(await client.sortStore(key('sort'), key('sorted')), 3);
    },
    async transaction(client, key) {
        const results = await client.multi().sAdd(key('n'), '1').sCard(key('n')).exec();
        assert.deepEqual(results, [1, 1]);
        await assert.rejects(client.lPush(key('n'), 'x'), /WRONGTYPE/);
    },
};

async function main() {
    const isIoredis = library === 'ioredis';
    const client = await (isIoredis ? connectIoredis() : connectNodeRedis());
    for (const [type, visit] of Object.entries(isIoredis ? ioredis : nodeRedis)) {
        await visit(client, (name) => `{${library} ${type}}${name}`);
        console.log(`done ${type}`);
    }
    process.exit(0);
}

main().catch((error) => {
    console.log(`failed ${error.stack}`);
    process.exit(1);
});
