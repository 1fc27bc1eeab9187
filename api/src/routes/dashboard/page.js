// Asks for the figures of the fleet and shows them. Whatever is shown is set as text, never as markup.
'use strict';

const EVERY_MS = 5000;
const TOKEN = 'unilingo-admin-token';
const ALERTS = {
  queueDepthHigh: 'More than 50 jobs wait',
  queueDepthCritical: 'More than 100 jobs wait',
  failureRateHigh: 'More than 10 % of the jobs fail',
  circuitBreakerOpen: 'A circuit breaker is open',
  workerStalled: 'Jobs wait, and no worker takes them',
  openaiMisconfigured: 'No OpenAI call works until a setting is corrected',
  openaiModelShutdown: 'The model is shut down within 90 days',
};

const $ = (id) => document.getElementById(id);
const number = (value) => Number(value ?? 0).toLocaleString();

class Denied extends Error {}

async function ask(path, body) {
  const headers = { accept: 'application/json' };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers['x-admin-token'] = token;
  const options = { headers, cache: 'no-store' };
  if (body) {
    options.method = 'POST';
    options.body = JSON.stringify(body);
    headers['content-type'] = 'application/json';
  }
  const answer = await fetch(path, options);
  const json = await answer.json();
  if (answer.status === 403) throw new Denied(json.error);
  if (!answer.ok) throw new Error(json.error ?? `${path}: ${answer.status}`);
  return json;
}

function element(name, text, className = '') {
  const node = document.createElement(name);
  node.textContent = text;
  node.className = className;
  return node;
}

function row(cells) {
  const tr = document.createElement('tr');
  for (const cell of cells) tr.append(cell instanceof Node ? cell : element('td', cell));
  return tr;
}

function list(id, entries) {
  $(id).replaceChildren(...entries.flatMap(([name, value, className]) => [element('dt', name), element('dd', value, className)]));
}

function meter(name, used, limit) {
  const bar = $(`${name}-used`);
  // Without a limit there is nothing to fill.
  bar.max = limit || Math.max(used, 1);
  bar.high = bar.max * 0.9;
  bar.value = used;
  $(`${name}-text`).textContent = limit ? `${number(used)} of ${number(limit)}` : `${number(used)}, no limit`;
}

function showAlerts(alerts) {
  const raised = Object.entries(alerts).filter(([, on]) => on).map(([name]) => element('li', ALERTS[name] ?? name, 'bad'));
  $('alerts').replaceChildren(...(raised.length ? raised : [element('li', 'None', 'good')]));
}

function showBreakers(breakers) {
  const rows = Object.values(breakers).map((breaker) => {
    const closed = breaker.state === 'CLOSED';
    const action = document.createElement('td');
    if (!closed) {
      const button = element('button', 'Close it');
      button.onclick = () => change(`/api/circuit-breakers/reset/${encodeURIComponent(breaker.name)}`, {});
      action.append(button);
    }
    const next = breaker.nextRetryAt ? new Date(breaker.nextRetryAt).toLocaleTimeString() : '–';
    return row([breaker.name, element('td', breaker.state, closed ? 'good' : 'bad'), `${breaker.failures} / ${breaker.failureThreshold}`, next, action]);
  });
  $('breakers').tBodies[0].replaceChildren(...rows);
}

function showBudget({ fleet, limits, killSwitch }) {
  const usd = (value) => `$${Number(value ?? 0).toFixed(2)}`;
  const limit = (name, show) => (limits[name]?.value ? ` of ${show(limits[name].value)}` : '');
  list('budget', [
    ['Spent this month', usd(fleet.usd) + limit('fleetUsdPerMonth', usd)],
    ['Tokens this month', number(fleet.tokens) + limit('fleetTokensPerMonth', number)],
    ['Held for accepted jobs', usd(fleet.heldUsd)],
    ['Assumed for calls that timed out', usd(fleet.assumedUsd)],
    ['Kill switch', killSwitch.enabled ? `on: ${killSwitch.reason}` : 'off', killSwitch.enabled ? 'bad' : 'good'],
  ]);
  const button = $('kill-switch');
  button.textContent = killSwitch.enabled ? 'Accept jobs again' : 'Stop everything that costs';
  button.onclick = () => {
    const reason = killSwitch.enabled ? '' : prompt('Why? Everybody who asks for cards is refused until it is taken back.');
    if (reason !== null) change('/api/admin/budget/kill-switch', { enabled: !killSwitch.enabled, reason });
  };
}

async function change(path, body) {
  try {
    await ask(path, body);
    $('problem').textContent = '';
    await show();
  } catch (error) {
    $('problem').textContent = error.message;
  }
}

async function show() {
  const [alerts, ai, budget] = await Promise.all([ask('/api/metrics/alerts'), ask('/api/ai/status'), ask('/api/admin/budget/status')]);
  const { queue, performance, circuitBreakers, sse } = alerts.metrics;
  showAlerts(alerts.alerts);
  $('queues').tBodies[0].replaceChildren(...Object.values(queue.queues).map((one) =>
    row([one.queue + (one.paused ? ' (paused)' : ''), ...['waiting', 'active', 'delayed', 'completed', 'failed'].map((name) => number(one[name]))])));
  meter('requests', ai.status.requestsThisMinute, ai.status.requestsPerMinute);
  meter('tokens', ai.status.tokensThisMinute, ai.status.tokensPerMinute);
  showBreakers(circuitBreakers);
  list('requests', [
    ['Per minute', number(performance.requestsPerMinute)],
    ['Mean time', `${number(performance.avgResponseTime)} ms`],
    ['Errors of ours', `${performance.errorRate} %`],
    ['Calls to the model', number(performance.openaiRequests)],
    ['Those that failed', number(performance.openaiErrors)],
    ['Recordings sent to be assessed', number(performance.pronunciationRequests)],
    ['Those that failed', number(performance.pronunciationErrors)],
    ['Open event streams here', number(sse.activeConnections)],
  ]);
  showBudget(budget.budget);
  $('state').textContent = `As of ${new Date(alerts.timestamp).toLocaleTimeString()}`;
}

async function tick() {
  let wait = EVERY_MS;
  try {
    await show();
    $('sign-in').hidden = true;
    $('figures').hidden = false;
    $('problem').textContent = '';
  } catch (error) {
    if (error instanceof Denied) {
      $('sign-in').hidden = false;
      $('figures').hidden = true;
      $('state').textContent = 'Sign in';
      if (sessionStorage.getItem(TOKEN)) $('problem').textContent = error.message;
      // Nothing changes until somebody signs in.
      wait = 0;
    } else {
      $('problem').textContent = `No new figures: ${error.message}`;
    }
  }
  if (wait) setTimeout(tick, wait);
}

$('sign-in').onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $('token').value);
  tick();
};
tick();
