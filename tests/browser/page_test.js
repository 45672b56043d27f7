// The page as a user sees it, in Chromium. Each state is looked at in light and dark and at two
// widths; screenshots are left in SCREENSHOTS for people to look at.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const {after, before, describe, it} = require('node:test');

const {chromium} = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const {FakeCluster} = require('./fake_cluster.js');
const {ProxyUnderTest} = require('./proxy_under_test.js');

const WIDE = {width: 1280, height: 900};
const PHONE = {width: 360, height: 740};
const PATIENCE = {timeout: 30_000};

let browser;

// A tab, and what goes wrong in it: errors of scripts, and violations of the page's policy, which
// Chromium writes to the console.
async function openTab(options = {}) {
  const context = await browser.newContext({viewport: WIDE, ...options});
  const tab = await context.newPage();
  const problems = [];
  tab.on('pageerror', (error) => problems.push(String(error)));
  tab.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  tab.on('requestfailed', (request) => problems.push(`${request.url()} failed`));
  return {tab, problems, close: () => context.close()};
}

async function violations(tab) {
  await tab.evaluate(axe);  // by the debugger, which the page's policy does not concern
  const {violations: found} = await tab.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html)}`);
}

// Nothing is wider than the window.
const overflow = (tab) =>
  tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function lookAt(url, name, expected) {
  for (const [width, viewport] of [['wide', WIDE], ['360', PHONE]])
    for (const colorScheme of ['light', 'dark']) {
      const {tab, problems, close} = await openTab({viewport, colorScheme});
      await tab.goto(url);
      const text = await tab.innerText('main');
      for (const words of expected) assert.ok(text.includes(words), `${words} is not in:\n${text}`);
      assert.strictEqual(await overflow(tab), 0, 'it has to be scrolled sideways');
      assert.deepStrictEqual(await violations(tab), []);
      assert.deepStrictEqual(problems, []);
      await tab.screenshot({
        path: path.join(process.env.SCREENSHOTS, `${name}-${width}-${colorScheme}.png`),
        fullPage: true,
      });
      await close();
    }
}

// A state of the cluster, and what there is to be seen of it.
async function inState(members, change, look) {
  const cluster = await FakeCluster.of(members);
  const proxy = await ProxyUnderTest.start(cluster);
  try {
    await change(cluster, proxy);
    await look(proxy, cluster);
  } finally {
    await proxy.stop();
    cluster.stop();
  }
}

// Evidence needs a second answer, half a second after the first.
async function updateUntil(proxy, holds) {
  for (const end = Date.now() + PATIENCE.timeout; Date.now() < end;) {
    await proxy.update();
    const {body} = await proxy.request({host: '127.0.0.1', port: new URL(proxy.url).port}, 'GET', '/status');
    if (holds(JSON.parse(body).clusters[0])) return;
  }
  throw new Error('the proxy does not see what the cluster says');
}

async function loseLeader(cluster, proxy) {
  cluster.leadBy('nobody');
  await updateUntil(proxy, (main) => main.leader === null);
}

describe('the page', () => {
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
    });
  });
  after(() => browser?.close());

  it('shows a calm cluster', () => inState(3, () => {}, (proxy) =>
    lookAt(proxy.url, 'calm', ['p1 leads', 'All ports are served', 'main/master', 'Since'])));

  it('shows that nobody leads during a switchover', () => inState(3, loseLeader, (proxy) =>
    lookAt(proxy.url, 'switchover', ['no leader', 'nobody serves', 'p1 last proved that it leads'])));

  it('shows a dead member', () => inState(3, async (cluster, proxy) => {
    Object.assign(cluster.member('p2'), {state: 'stopped', lag: 'unknown'});
    await updateUntil(proxy, (main) => main.members[1].state === 'stopped');
  }, (proxy) => lookAt(proxy.url, 'dead', ['member is down', 'main/p2: stopped', 'state is stopped'])));

  it('shows what operators have set', () => inState(3, async (cluster, proxy) => {
    await proxy.operate('/members/main/p3/drain?why=new%20disks&for=2h');
    await proxy.operate('/ports/main/master/hold?why=restart&for=10m');
    await proxy.operate('/clusters/main/freeze?why=upgrade');
  }, (proxy) => lookAt(proxy.url, 'operators', ['main/p3 is drained by', 'new disks', 'main/master is held by',
    'the cluster is frozen by'])));

  it('has room for 50 members', () => inState(50, () => {}, (proxy) =>
    lookAt(proxy.url, 'fifty', ['p50', 'p1 leads'])));

  it('follows what happens, and says when the proxy is gone', () => inState(3, () => {},
    async (proxy, cluster) => {
      const {tab, problems, close} = await openTab();
      await tab.goto(proxy.url);
      assert.match(await tab.title(), /p1 leads/);
      await loseLeader(cluster, proxy);
      await tab.waitForFunction(() => document.title.includes('no leader'), null, PATIENCE);
      cluster.leadBy('p2');
      await updateUntil(proxy, (main) => main.leader === 'p2');
      await tab.waitForFunction(() => document.title.includes('p2 leads'), null, PATIENCE);
      assert.deepStrictEqual(problems, []);
      await proxy.stop();
      await tab.waitForSelector('#lost:not([hidden])', PATIENCE);
      assert.match(await tab.innerText('#lost'), /has not answered since/);
      assert.deepStrictEqual(await violations(tab), []);
      await tab.screenshot({path: path.join(process.env.SCREENSHOTS, 'lost.png'), fullPage: true});
      await close();
    }));

  it('can be read without JavaScript', () => inState(3, () => {}, async (proxy) => {
    const {tab, close} = await openTab({javaScriptEnabled: false});
    await tab.goto(proxy.url);
    const text = await tab.innerText('body');
    for (const words of ['p1 leads', 'main/replicas', 'p3']) assert.ok(text.includes(words), text);
    await close();
  }));

  it('lets nothing in from elsewhere', () => inState(3, () => {}, async (proxy) => {
    const {tab, problems, close} = await openTab();
    await tab.goto(proxy.url);
    await tab.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.intruder = true';
      document.body.append(script);
    });
    assert.strictEqual(await tab.evaluate(() => globalThis.intruder), undefined);
    assert.ok(problems.some((each) => each.includes('Content Security Policy')), String(problems));
    await close();
  }));
});
