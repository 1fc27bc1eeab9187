// The whole project on Railway: Redis, the api and both workers. `railway config plan` shows what would change,
// `railway config apply` changes it (CLI 5.42.1 or newer). HORIZONTAL_SCALING_GUIDE.md says the rest.
import { defineRailway, github, preserve, project, redis, service } from "railway/iac";
import type { BuildConfig, DeployConfig } from "railway/iac";

/** Yours. */
const REPOSITORY = "your-organisation/unilingo-backend";

/** Scale here: what this file says counts again with the next `apply`, whatever `railway scale` has set meanwhile. */
const REPLICAS = { api: 1, flashcardWorker: 1, pronunciationWorker: 1 };

/** One image has all programs. */
const build: BuildConfig = { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" };

/**
 * A process that is replaced has `drainingSeconds` from SIGTERM to SIGKILL: more than DRAIN_SECONDS (100), in which it
 * finishes its work, which is more than the longest call (OPENAI_TIMEOUT_SECONDS, 90).
 */
const deploy: DeployConfig = {
  restartPolicyType: "ON_FAILURE",
  restartPolicyMaxRetries: 10,
  overlapSeconds: 20,
  drainingSeconds: 120,
};

const healthcheck = { healthcheck: "/api/health", healthcheckTimeout: 10 };

export default defineRailway(() => {
  // It has to keep what it was told: see "Redis" in the guide.
  const cache = redis("Redis");

  const api = service("api", {
    source: github(REPOSITORY),
    build,
    deploy,
    ...healthcheck,
    start: "/usr/local/bin/api",
    replicas: REPLICAS.api,
    env: {
      REDIS_URL: cache.env.REDIS_URL,
      // Learners have tokens of the identity provider that JWKS_URL shows.
      AUTH: "jwt",
      JWKS_URL: preserve(),
      ADMIN_TOKEN: preserve(),
      // The platform's proxy names the client; without it every learner had the proxy's limits.
      TRUSTED_PROXIES: "1",
      // Shipped apps read the cards from the answer to their POST.
      LEGACY_WAIT_SECONDS: "55",
    },
  });

  const flashcardWorker = service("flashcard-worker", {
    source: github(REPOSITORY),
    build,
    deploy,
    ...healthcheck,
    start: "/usr/local/bin/flashcard-worker",
    replicas: REPLICAS.flashcardWorker,
    env: {
      REDIS_URL: cache.env.REDIS_URL,
      OPENAI_API_KEY: preserve(),
      // Of the whole fleet, however many replicas there are.
      OPENAI_RATE_LIMIT_RPM: "50",
      OPENAI_RATE_LIMIT_TPM: "90000",
      OPENAI_MAX_CONCURRENT: "20",
    },
  });

  const pronunciationWorker = service("pronunciation-worker", {
    source: github(REPOSITORY),
    build,
    deploy,
    ...healthcheck,
    start: "/usr/local/bin/pronunciation-worker",
    replicas: REPLICAS.pronunciationWorker,
    env: {
      REDIS_URL: cache.env.REDIS_URL,
      AZURE_SPEECH_KEY: preserve(),
      AZURE_SPEECH_REGION: preserve(),
      // Of the whole fleet.
      AZURE_SPEECH_MAX_CONCURRENT: "20",
    },
  });

  return project("unilingo", { resources: [cache, api, flashcardWorker, pronunciationWorker] });
});
