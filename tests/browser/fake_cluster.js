// A Patroni cluster for the page: REST APIs, and backends that accept sessions. Loopback only.
'use strict';

const http = require('node:http');
const net = require('node:net');

const READY = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

function listening(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

class FakeCluster {
  // The first member leads.
  static async of(count) {
    const cluster = new FakeCluster();
    for (let i = 1; i <= count; ++i) await cluster.add(`p${i}`);
    cluster.leadBy('p1');
    return cluster;
  }

  constructor() {
    this.members = [];
    this.servers = [];
    this.sockets = new Set();
  }

  async add(name) {
    const api = await this.serve(http.createServer((request, response) => {
      const [status, body] = this.answer(name, request.url);
      response.writeHead(status, {'Content-Type': 'application/json'}).end(JSON.stringify(body));
    }));
    const backend = await this.serve(net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(READY));
    }));
    this.members.push({name, role: 'replica', state: 'streaming', timeline: 1, lag: 0,
      host: '127.0.0.1', port: backend, api_url: `http://127.0.0.1:${api}/patroni`});
  }

  async serve(server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.servers.push(await listening(server));
    return server.address().port;
  }

  member(name) {
    return this.members.find((each) => each.name === name);
  }

  // Nobody leads if there is no such member.
  leadBy(name) {
    for (const member of this.members) {
      member.role = member.name === name ? 'leader' : 'replica';
      member.state = member.name === name ? 'running' : 'streaming';
    }
  }

  answer(name, url) {
    if (url === '/cluster') return [200, {members: this.members}];
    const {role, state, timeline} = this.member(name);
    const leads = role === 'leader';
    return [leads ? 200 : 503, {state: leads ? 'running' : state,
      role: leads ? 'primary' : 'replica', timeline}];
  }

  get host() {
    return this.members[0].api_url.replace('/patroni', '');
  }

  stop() {
    for (const server of this.servers) server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

module.exports = {FakeCluster};
