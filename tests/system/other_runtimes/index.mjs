export const handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath === "/fails") throw new TypeError("on purpose");
  const head = { statusCode: 201, headers: { "x-path": event.rawPath }, cookies: ["a=1", "b=2"] };
  stream = awslambda.HttpResponseStream.from(stream, head);
  stream.write("first");
  await new Promise((resolve) => setTimeout(resolve, 300));
  stream.end("second");
});
