// What .railway/railway.ts describes, against the railway.*.json files. Called by tests/railway.sh.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRailwayContext, project } from "railway/iac";

const [compiled, root] = process.argv.slice(2);
const { default: program } = await import(compiled);
const { resources } = await program(createRailwayContext({ command: "plan" }), project);
const services = new Map(resources.filter((resource) => resource.type === "service").map((each) => [each.name, each]));
const redis = resources.find((resource) => resource.type === "database");

const files = { api: "railway.json", "flashcard-worker": "railway.flashcard-worker.json", "pronunciation-worker": "railway.pronunciation-worker.json" };
assert.deepEqual([...services.keys()].sort(), Object.keys(files).sort());
for (const [name, file] of Object.entries(files)) {
  const { build, deploy } = JSON.parse(readFileSync(`${root}/${file}`, "utf8"));
  const service = services.get(name);
  assert.deepEqual(service.build, build, `${name}: build, and that of ${file}`);
  assert.deepEqual({ ...service.deploy, numReplicas: deploy.numReplicas }, deploy, `${name}: deploy, and that of ${file}`);
  const url = service.variables.REDIS_URL;
  assert.deepEqual([url.type, url.resource], ["reference", redis.address], `${name}: REDIS_URL`);
}
console.log(`.railway/railway.ts is well typed, and says what ${Object.values(files).join(", ")} say.`);
