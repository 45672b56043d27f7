// The built proxy in front of a fake cluster, with ports of its own.
'use strict';

const {spawn} = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

class ProxyUnderTest {
  static async start(cluster) {
    const proxy = new ProxyUnderTest();
    await proxy.start(cluster);
    return proxy;
  }

  async start(cluster) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'browser-'));
    const file = path.join(this.dir, 'proxy.yaml');
    fs.writeFileSync(file, `
cluster_update_interval: 1h
listen_address: 127.0.0.1:0
control: {socket: ${this.dir}/control.sock}
clusters:
  main:
    hosts: ["${cluster.host}"]
    ports:
      master: {listen: "127.0.0.1:0", roles: [leader], queue_timeout: 60s}
      replicas: {listen: "127.0.0.1:0", roles: [sync, async], fallback_roles: [leader]}
`);
    this.child = spawn(process.env.PATRONI_PROXY, [file], {stdio: ['ignore', 'ignore', 'pipe']});
    this.log = '';
    const apiPort = await new Promise((resolve, reject) => {
      this.child.stderr.on('data', (data) => {
        this.log += data;
        const found = /HTTP API: listening on 127\.0\.0\.1:(\d+)/.exec(this.log);
        if (found) resolve(Number(found[1]));
      });
      this.child.once('exit', () => reject(new Error(`the proxy ended:\n${this.log}`)));
    });
    this.url = `http://127.0.0.1:${apiPort}/`;
    this.port = Number(/main\/master: listening on 127\.0\.0\.1:(\d+)/.exec(this.log)[1]);
  }

  // What the cluster says now is in force afterwards.
  update() {
    return this.request({host: '127.0.0.1', port: new URL(this.url).port}, 'POST', '/update_clusters');
  }

  // A verb, on the control socket.
  async operate(target) {
    const {status, body} = await this.request({socketPath: `${this.dir}/control.sock`}, 'POST', target);
    if (status !== 200) throw new Error(`${target}: ${status} ${body}`);
  }

  request(where, method, target) {
    return new Promise((resolve, reject) => {
      const request = http.request({...where, method, path: target, agent: false}, (response) => {
        let body = '';
        response.on('data', (data) => { body += data; });
        response.on('end', () => resolve({status: response.statusCode, body}));
      });
      request.on('error', reject);
      request.end();
    });
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGTERM');
      await ended;
    }
    fs.rmSync(this.dir, {recursive: true, force: true});
  }
}

module.exports = {ProxyUnderTest};
