// The bare app for Node's runtime client: the same head, chunks and time stamps as apps/bare.py.
const chunks = Number(process.env.BENCH_CHUNKS ?? 1);
const chunk = Buffer.alloc(Number(process.env.BENCH_CHUNK_BYTES ?? 70), "x");
const turns = "BENCH_TURNS" in process.env;
const stamps = "BENCH_STAMPS" in process.env;
const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const turn = () => new Promise((done) => setImmediate(done));

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 200, headers });
  for (let number = 1; number < chunks; number += 1) {
    let body = chunk;
    if (stamps) {
      await sleep(5);
      body = `sent: ${process.hrtime.bigint()}\n`;
    } else if (turns) {
      await turn();
    }
    if (!stream.write(body)) await new Promise((done) => stream.once("drain", done));
  }
  stream.end(chunk);
});
