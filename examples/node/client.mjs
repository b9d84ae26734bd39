// Publishes listings to Tasador and reads their answers, with node-redis only.
//
//   REDIS_URL=redis://127.0.0.1:6379 node client.mjs listings.jsonl [prefix]
//
// REDIS_URL may also name Sentinels, redis+sentinel://user:password@s1:26379,s2:26379/main/0, or nodes of a cluster,
// redis+cluster://user:password@n1:6379,n2:6379. With rediss the connections use TLS, and ?ssl_ca_certs=ca.crt,
// ssl_certfile and ssl_keyfile name the authority and a certificate of one's own, as in TASADOR_REDIS_URL.
//
// Each line of the file is an event: {"id": "...", "data": {...}}, or with the name of a property whose features are
// stored: {"id": "...", "subject": "...", "data": {}}. Prints one JSON line for each, in the order of the file.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createClient, createCluster, createSentinel } from "redis";

const [file, prefix = "housing"] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;
const ANSWERS = ["predictions", "dead-letters", "repeats", "rate-limited"];

function certificates(query) {
  const named = new URLSearchParams(query);
  const files = { ca: "ssl_ca_certs", cert: "ssl_certfile", key: "ssl_keyfile" };
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, asked]) => (named.has(asked) ? [[name, readFileSync(named.get(asked))]] : [])),
  );
}

function open(url) {
  // after a lost connection a listing must not be sent twice silently
  const options = { RESP: 2, disableOfflineQueue: true, socket: { reconnectStrategy: false } };
  const [address, query] = url.split("?");
  if (address.startsWith("rediss")) Object.assign(options.socket, { tls: true, ...certificates(query) });
  const several = /^rediss?\+(sentinel|cluster):\/\/(?:([^:@]*):([^@]*)@)?([^/]+)\/?(.*)$/.exec(address);
  if (several === null) return createClient({ url: address, ...options });
  const [, kind, user, password, hosts, path] = several;
  if (password) Object.assign(options, { username: user, password: decodeURIComponent(password) });
  const nodes = hosts.split(",").map((host) => {
    const { hostname, port } = new URL(`http://${host}`);
    return { host: hostname, port: Number(port || (kind === "cluster" ? 6379 : 26379)) };
  });
  if (kind === "cluster") {
    return createCluster({ rootNodes: nodes.map((socket) => ({ socket })), defaults: options, RESP: 2 });
  }
  const [name, database] = path.split("/");
  return createSentinel({
    name,
    sentinelRootNodes: nodes,
    nodeClientOptions: { ...options, database: Number(database ?? 0) },
    sentinelClientOptions: { socket: options.socket },
    maxCommandRediscovers: 0, // it would send a command again after a failover
    RESP: 2,
  });
}

async function connect(url) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (true) {
    const client = open(url);
    client.on("error", (error) => console.error(`redis: ${error.message ?? error}`));
    try {
      return await client.connect();
    } catch (error) {
      // nothing was sent; Sentinels have no master for a moment while a replica takes over
      if (error.message !== "no valid master node" || Date.now() > deadline) throw error;
      await client.destroy();
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
const client = await connect(process.env.REDIS_URL ?? "redis://127.0.0.1:6379");

// the shard of a listing: crc32(subject, or else source \n id) % count; from Node.js 22 on, zlib has crc32
const TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
const crc32 = (text) =>
  (Buffer.from(text).reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
function shardOf(line, count) {
  const { subject, source, id } = JSON.parse(line);
  return crc32(subject || `${source ?? ""}\n${id}`) % count;
}
const prefixOf = (shard) =>
  shard === 0 ? prefix : prefix.includes("}") ? prefix.replace("}", `.${shard}}`) : `${prefix}.${shard}`;

// a program that runs for long reads these again each second, and waits while `<prefix>:shards:hold` exists
while (await client.exists(`${prefix}:shards:hold`)) await new Promise((done) => setTimeout(done, 100));
const layout = await client.hGetAll(`${prefix}:shards`);
const count = Number(layout.count ?? 1);

// the last answer of each stream so far: later ones may be ours
const shards = [];
for (let shard = 0; shard < count; shard++) {
  const readUntil = new Map();
  for (const key of ANSWERS.map((name) => `${prefixOf(shard)}:${name}`)) {
    const [last] = await client.xRevRange(key, "+", "-", { COUNT: 1 });
    readUntil.set(key, last?.id ?? "0-0");
  }
  shards.push(readUntil);
}

const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.trim());
// commands that are not awaited one by one are pipelined; entry ids are unique in a shard only
const entries = await Promise.all(
  lines.map(async (line) => {
    const shard = shardOf(line, count);
    const id = await client.xAdd(`${prefixOf(shard)}:listings`, "*", { data: line });
    return `${id}@${shard}`;
  }),
);

// answers come in no particular order: the `id` of each is the entry that it answers
const answers = new Map(entries.map((entry) => [entry, null]));
const deadline = Date.now() + TIMEOUT_MS;
let missing = answers.size;
while (missing > 0 && Date.now() < deadline) {
  for (const [shard, readUntil] of shards.entries()) {
    const positions = [...readUntil].map(([key, id]) => ({ key, id }));
    const streams = (await client.xRead(positions, { COUNT: 1000, BLOCK: Math.ceil(1000 / count) })) ?? [];
    for (const { name, messages } of streams) {
      for (const { id, message } of messages) {
        readUntil.set(name, id);
        const answer = JSON.parse(message.data);
        const entry = `${answer.id}@${shard}`;
        if (answers.get(entry) === null) {
          answers.set(entry, answer);
          missing -= 1;
        }
      }
    }
  }
}

for (const entry of entries) {
  const answer = answers.get(entry);
  const name = entry.replace(/@0$/, "");
  console.log(JSON.stringify({ entry: name, type: answer?.type ?? "unanswered", ...answer?.data, payload: undefined }));
}
await client.close();
process.exitCode = missing > 0 ? 1 : 0;
