// A client of a cluster for test_client_node.py: node node_client.js LIBRARY KEYS_FILE PORT...
//
// Writes every key of the file (a JSON list, one for each slot), reads them back, says "filled", and
// then writes without end, one key after another; each write is waited for. Says "count N errors M"
// now and then. A line on standard input ends it: it reads everything that was acknowledged once more
// and says what was lost.
'use strict';
const fs = require('fs');
const readline = require('readline');

const [library, keysFile, ...ports] = process.argv.slice(2);
const keys = JSON.parse(fs.readFileSync(keysFile, 'utf8'));

async function connect() {
    if (library === 'ioredis') {
        const { Cluster } = require('ioredis');
        const cluster = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port: Number(port) })));
        cluster.on('error', () => {});
        await new Promise((resolve) => cluster.once('ready', resolve));
        return cluster;
    }
    const { createCluster } = require('redis');
    const cluster = createCluster({
        rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })),
        // What cannot be sent fails and is tried again by the writer below.
        defaults: { disableOfflineQueue: true, socket: { reconnectStrategy: 50 } },
    });
    cluster.on('error', () => {});
    await cluster.connect();
    return cluster;
}

async function inBatches(items, work) {
    for (let at = 0; at < items.length; at += 512) {
        await Promise.all(items.slice(at, at + 512).map(work));
    }
}

function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function main() {
    const client = await connect();
    await inBatches(keys, (key) => client.set(key, `value of ${key}`));
    await inBatches(keys, async (key) => {
        const value = await client.get(key);
        if (value !== `value of ${key}`) throw new Error(`${key}: ${value}`);
    });
    console.log('filled');

    let ends = false;
    readline.createInterface({ input: process.stdin }).once('line', () => { ends = true; });
    const acknowledged = new Map();
    let count = 0;
    let errors = 0;
    for (let number = 1; !ends; number++) {
        const key = keys[(number * 61) % keys.length];
        try {
            await client.set(key, String(number));
            acknowledged.set(key, number);
            count++;
        } catch (error) {
            errors++;
            if (errors <= 20) console.log(`error ${error.message}`);
            await pause(20);
        }
        if (count % 50 === 0) console.log(`count ${count} errors ${errors}`);
    }
    let lost = 0;
    for (const [key, number] of acknowledged) {
        if (Number(await client.get(key)) < number) lost++;
    }
    console.log(`lost ${lost}`);
    process.exit(0);
}

main().catch((error) => {
    console.log(`failed ${error.stack}`);
    process.exit(1);
});
