// Runs converted graphs in TensorFlow.js: a line with the folder of a model and the numbers to feed, a line with what it gives.
const fs = require("fs");
const path = require("path");
const readline = require("readline");

console.log = console.warn = console.info = () => {};
const tf = require("@tensorflow/tfjs");

function artifacts(folder) {
  const model = JSON.parse(fs.readFileSync(path.join(folder, "model.json"), "utf8"));
  const parts = model.weightsManifest.flatMap((group) => group.paths.map((name) => fs.readFileSync(path.join(folder, name))));
  const bytes = Buffer.concat(parts);
  return {
    modelTopology: model.modelTopology,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  };
}

async function answer(question) {
  const model = await tf.loadGraphModel({ load: async () => artifacts(question.folder) });
  const y = await model.executeAsync({ [question.input]: tf.tensor(question.x) }, question.output);
  return { y: await y.array(), backend: tf.getBackend(), version: tf.version.tfjs };
}

async function main() {
  await tf.setBackend("cpu");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const found = await answer(JSON.parse(line)).catch((error) => ({ error: String(error.stack) }));
    process.stdout.write(JSON.stringify(found) + "\n");
  }
}

main();
