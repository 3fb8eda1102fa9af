// A client's life with the Node SDK; prints what it saw as JSON.
//
//   node session.mjs BASE_URL API_KEY

import OpenAI, { toFile } from 'openai';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const threads = client.beta.threads;
const seen = {};

const answerAll = (run) =>
  run.required_action.submit_tool_outputs.tool_calls.map((call) => ({
    tool_call_id: call.id,
    output: 'ok',
  }));

const file = await client.files.create({
  file: await toFile(Buffer.from('红玫瑰 8\n郁金香 5\n'), 'prices.txt'),
  purpose: 'assistants',
});
seen.content = await (await client.files.content(file.id)).text();
seen.retrieved = (await client.files.retrieve(file.id)).filename;

const store = await client.vectorStores.create({ name: 'prices' });
const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, {
  files: [
    await toFile(Buffer.from('红玫瑰 8'), 'a.txt'),
    await toFile(Buffer.from('郁金香 5'), 'b.txt'),
  ],
});
seen.batch = [batch.status, batch.file_counts.completed];
const attached = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
seen.attached = attached.status;
const uploaded = await client.vectorStores.files.uploadAndPoll(
  store.id,
  await toFile(Buffer.from('百合 7'), 'c.txt'),
);
const ready = await client.files.waitForProcessing(uploaded.id);
const again = await client.vectorStores.fileBatches.createAndPoll(store.id, {
  file_ids: [uploaded.id],
});
seen.uploaded = [uploaded.status, ready.status, again.status];
const found = await client.vectorStores.search(store.id, { query: '红玫瑰' });
seen.found = found.data[0].content[0].text;

const assistant = await client.beta.assistants.create({
  model: 'gpt-4.1',
  metadata: { assistctl: 'shop/flowers' },
  tools: [
    { type: 'file_search' },
    { type: 'function', function: { name: 'save_bill', parameters: { type: 'object' } } },
  ],
  tool_resources: { file_search: { vector_store_ids: [store.id] } },
});
const on = (said) => threads.create({ messages: [{ role: 'user', content: said }] });

// By polling.
let thread = await on('bill');
let run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
seen.polled = [run.status];
run = await threads.runs.submitToolOutputsAndPoll(run.id, {
  thread_id: thread.id,
  tool_outputs: answerAll(run),
});
seen.polled.push(run.status);
const [newest] = (await threads.messages.list(thread.id, { order: 'desc', limit: 1 })).data;
seen.newest = newest.content[0].text.value;
seen.steps = [];
for await (const step of threads.runs.steps.list(run.id, { thread_id: thread.id, order: 'asc' })) {
  seen.steps.push([step.type, step.status]);
}

const inOne = await threads.createAndRunPoll({
  assistant_id: assistant.id,
  thread: { messages: [{ role: 'user', content: 'hello' }] },
});
seen.inOne = inOne.status;

// By streaming: words, and a function.
thread = await on('hello');
let deltas = '';
const stream = threads.runs
  .stream(thread.id, { assistant_id: assistant.id })
  .on('textDelta', (delta) => (deltas += delta.value ?? ''));
seen.streamed = [(await stream.finalMessages())[0].content[0].text.value, (await stream.finalRun()).status];
seen.streamed.push(deltas);

thread = await on('bill');
const calling = threads.runs.stream(thread.id, { assistant_id: assistant.id });
run = await calling.finalRun();
seen.called = [
  run.status,
  (await calling.finalRunSteps())[0].step_details.tool_calls[0].function.arguments,
];
const submitted = threads.runs.submitToolOutputsStream(run.id, {
  thread_id: thread.id,
  tool_outputs: answerAll(run),
});
const said = await submitted.finalMessages();
seen.submitted = [(await submitted.finalRun()).status, said[0].content[0].text.value];

// A search with its citation, thread and run in one request.
const searching = threads.createAndRunStream({
  assistant_id: assistant.id,
  thread: { messages: [{ role: 'user', content: 'price' }] },
});
const [answer] = await searching.finalMessages();
seen.cited = answer.content[0].text.annotations.map((annotation) => annotation.text);

// In parts; what comes twice with one key; what is wrong.
const upload = await client.uploads.create({
  bytes: 6,
  filename: 'parts.txt',
  mime_type: 'text/plain',
  purpose: 'assistants',
});
const parts = [];
for (const piece of ['abc', 'def']) {
  const data = await toFile(Buffer.from(piece), 'part');
  parts.push((await client.uploads.parts.create(upload.id, { data })).id);
}
const whole = await client.uploads.complete(upload.id, { part_ids: parts });
seen.whole = await (await client.files.content(whole.file.id)).text();

const once = { headers: { 'Idempotency-Key': 'once' } };
const twins = [await threads.create({}, once), await threads.create({}, once)];
seen.twins = twins[0].id === twins[1].id;

seen.errors = [];
for (const attempt of [
  () => client.beta.assistants.retrieve('asst_missing'),
  () => threads.runs.cancel(run.id, { thread_id: run.thread_id }),
  () => new OpenAI({ baseURL, apiKey: 'wrong', maxRetries: 0 }).models.list(),
]) {
  try {
    await attempt();
  } catch (error) {
    seen.errors.push([error.constructor.name, error.status, Boolean(error.requestID)]);
  }
}
seen.pages = 0;
for await (const _ of client.beta.threads.messages.list(thread.id, { limit: 1 })) seen.pages += 1;
await client.files.delete(file.id);
await client.beta.threads.delete(thread.id);

console.log(JSON.stringify(seen));
