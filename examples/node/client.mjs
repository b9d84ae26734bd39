// Publishes listings to Tasador and reads their answers, with node-redis alone.
//
//   REDIS_URL=redis://127.0.0.1:6379 node client.mjs listings.jsonl [prefix]
//
// Each line of the file is an event: {"id": "...", "data": {...}}. Prints one JSON line for each, in the order of the file.

import { readFile } from "node:fs/promises";
import { createClient } from "redis";

const [file, prefix = "housing"] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;
const ANSWERS = ["predictions", "dead-letters", "repeats", "rate-limited"].map((name) => `${prefix}:${name}`);

const client = createClient({
  url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379",
  RESP: 2,
  // a lost connection must not send a listing twice in silence
  disableOfflineQueue: true,
  socket: { reconnectStrategy: false },
});
client.on("error", (error) => console.error(`redis: ${error.message}`));
await client.connect();

// where to read from: what is answered later than now
const readUntil = new Map();
for (const key of ANSWERS) {
  const [last] = await client.xRevRange(key, "+", "-", { COUNT: 1 });
  readUntil.set(key, last?.id ?? "0-0");
}

const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.trim());
// commands that are not awaited one by one travel together
const entries = await Promise.all(lines.map((line) => client.xAdd(`${prefix}:listings`, "*", { data: line })));

// answers come in no particular order: each names by its `id` the entry that it answers
const wanted = new Map(entries.map((entry) => [entry, null]));
const deadline = Date.now() + TIMEOUT_MS;
let missing = wanted.size;
while (missing > 0 && Date.now() < deadline) {
  const streams = [...readUntil].map(([key, id]) => ({ key, id }));
  const found = (await client.xRead(streams, { COUNT: 1000, BLOCK: 1000 })) ?? [];
  for (const { name, messages } of found) {
    for (const { id, message } of messages) {
      readUntil.set(name, id);
      const answer = JSON.parse(message.data);
      if (wanted.get(answer.id) === null) {
        wanted.set(answer.id, answer);
        missing -= 1;
      }
    }
  }
}

for (const entry of entries) {
  const answer = wanted.get(entry);
  console.log(JSON.stringify({ entry, type: answer?.type ?? "unanswered", ...answer?.data, payload: undefined }));
}
await client.close();
process.exitCode = missing > 0 ? 1 : 0;
