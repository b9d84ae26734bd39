// Publishes listings to Tasador and reads their answers, with node-redis only.
//
//   REDIS_URL=redis://127.0.0.1:6379 node client.mjs listings.jsonl [prefix]
//
// Each line of the file is an event: {"id": "...", "data": {...}}, or with the name of a property whose features are
// stored: {"id": "...", "subject": "...", "data": {}}. Prints one JSON line for each, in the order of the file.

import { readFile } from "node:fs/promises";
import { createClient } from "redis";

const [file, prefix = "housing"] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;
const ANSWERS = ["predictions", "dead-letters", "repeats", "rate-limited"];

const client = createClient({
  url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379",
  RESP: 2,
  // after a lost connection a listing must not be sent twice silently
  disableOfflineQueue: true,
  socket: { reconnectStrategy: false },
});
client.on("error", (error) => console.error(`redis: ${error.message}`));
await client.connect();

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
