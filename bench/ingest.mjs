// What taking in heartbeats costs. Run: npm run build && node bench/ingest.mjs
// Each line compares hangdog with a baseline measured in the same run, in turns: server and clients are separate processes, and
// what counts is the CPU time of the server, so that a busy machine changes the figures little.
//   burst:  100 connections of 10 services send as fast as they can; the baseline only counts newlines in `data` chunks.
//   spread: 10,000 services with one connection each beat once a second; the baseline is a naive supervisor, which splits text and
//           sets one timer per service anew with every beat.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.env.ROUNDS ?? 3)
const burst = { connections: 100, services: 10, beats: 3_000_000, clients: 2 }
const spread = { connections: 10_000, services: 10_000, seconds: 4, clients: 1 }
const beat = 'WATCHDOG=1\n'

const roles = { parent, server, client }
await roles[process.env.BENCH_ROLE ?? 'parent']()

async function parent() {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-ingest-'))
  try {
    const bursts = await compare(directory, 'burst', ['newlines', 'hangdog'])
    printBurst(bursts)
    const spreads = await compare(directory, 'spread', ['naive', 'hangdog'])
    printSpread(spreads)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function compare(directory, load, kinds) {
  const results = Object.fromEntries(kinds.map((kind) => [kind, []]))
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds)
      results[kind].push(await measure(join(directory, `${load}-${kind}-${round}.sock`), load, kind))
  }
  return results
}

async function measure(path, load, kind) {
  const shape = load === 'burst' ? burst : spread
  const self = fileURLToPath(import.meta.url)
  const start = (role, extra) =>
    fork(self, [], { env: { ...process.env, BENCH_ROLE: role, BENCH_PATH: path, BENCH_LOAD: load, ...extra } })
  const serving = start('server', { BENCH_KIND: kind })
  const { tokens } = await once(serving, 'listening')
  const perClient = shape.connections / shape.clients
  const clients = Array.from({ length: shape.clients }, () => start('client', {}))
  await Promise.all(
    clients.map((one, index) =>
      tell(one, 'connect', { tokens, connections: perClient, offset: index * perClient }, 'connected'),
    ),
  )
  await tell(serving, 'begin', {}, 'begun')
  const sent = await Promise.all(clients.map((one) => tell(one, 'send', {}, 'sent')))
  const total = sent.reduce((sum, { beats }) => sum + beats, 0)
  const result = await tell(serving, 'end', { total }, 'ended')
  for (const child of [...clients, serving]) child.kill()
  return { ...result, sent: total }
}

async function server() {
  const { BENCH_KIND: kind, BENCH_PATH: path, BENCH_LOAD: load } = process.env
  const shape = load === 'burst' ? burst : spread
  const count = { beats: 0 }
  const idleRss = process.memoryUsage.rss()
  const tokens = kind === 'hangdog' ? await serveHangdog(path, shape, count) : await serveBaseline(path, kind, count)
  let began
  answer({
    begin: () => {
      began = { cpu: process.cpuUsage(), at: performance.now(), beats: count.beats }
      return { kind: 'begun' }
    },
    end: async ({ total }) => {
      // All beats of the clients have been written; wait until they are read, or until nothing more comes.
      for (let waited = 0; count.beats - began.beats < total && waited < 5000; waited += 5) await pause(5)
      const { user, system } = process.cpuUsage(began.cpu)
      const rss = process.memoryUsage.rss()
      return {
        kind: 'ended',
        cpuUs: user + system,
        wallMs: performance.now() - began.at,
        beats: count.beats - began.beats,
        grown: rss - idleRss,
      }
    },
  })
  process.send({ kind: 'listening', tokens })
}

async function serveHangdog(path, shape, count) {
  const { openStreamServer } = await import('../dist/heartbeat/stream-server.js')
  const { systemClock } = await import('../dist/system-clock.js')
  const { createJavaScriptEngine } = await import('../dist/watch/javascript-engine.js')
  const floodLimit = { lines: Number.POSITIVE_INFINITY, window: 20 }
  const streams = await openStreamServer({
    path,
    clock: systemClock,
    emit: (event) => console.error(event),
    floodLimit,
  })
  const engine = createJavaScriptEngine(systemClock)
  const silent = { warningElapsed: () => {}, limitElapsed: () => {} }
  const yes = () => true
  return Array.from({ length: shape.services }, (_, index) => {
    const countdown = engine.create(silent)
    countdown.arm(60_000, 0.5)
    const enrolment = streams.enrol({
      service: `s${index}`,
      beat: () => {
        count.beats++
        countdown.reset()
      },
      beatChannel: yes,
      signOfLife: yes,
      contact: () => {},
    })
    const token = enrolment.freshToken()
    enrolment.started(process.pid)
    return token
  })
}

async function serveBaseline(path, kind, count) {
  const listener = kind === 'naive' ? naiveSupervisor(count) : newlineCounter(count)
  const listening = createServer((socket) => listener(socket.on('error', () => {})))
  await new Promise((resolve) => listening.listen(path, resolve))
  return []
}

function newlineCounter(count) {
  return (socket) =>
    socket.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at++) if (chunk[at] === 10) count.beats++
    })
}

function naiveSupervisor(count) {
  return (socket) => {
    let rest = ''
    let timer
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        if (line !== 'WATCHDOG=1') continue
        count.beats++
        clearTimeout(timer)
        timer = setTimeout(() => {}, 60_000)
      }
    })
  }
}

async function client() {
  const sockets = []
  answer({
    connect: async ({ tokens, connections, offset }) => {
      for (let index = offset; index < offset + connections; index++) {
        const socket = await connectTo(process.env.BENCH_PATH)
        if (tokens.length > 0) socket.write(`HANGDOG_TOKEN=${tokens[index % tokens.length]}\n`)
        sockets.push(socket)
      }
      for (const socket of sockets) socket.write(beat)
      await pause(1000)
      return { kind: 'connected' }
    },
    send: async () => ({
      kind: 'sent',
      beats: process.env.BENCH_LOAD === 'burst' ? await sendBurst(sockets) : await sendSpread(sockets),
    }),
  })
}

/** The kernel refuses (EAGAIN) while the queue of the server is full. */
async function connectTo(path) {
  for (;;) {
    const socket = connect(path)
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    if (connected) return socket
    await pause(5)
  }
}

/** One beat a write, as a service does; all connections in turn, each as fast as it is read. */
async function sendBurst(sockets) {
  const each = burst.beats / burst.connections
  const run = async (socket) => {
    for (let sent = 0; sent < each; sent++) {
      if (!socket.write(beat)) await new Promise((resolve) => socket.once('drain', resolve))
    }
  }
  await Promise.all(sockets.map(run))
  return each * sockets.length
}

async function sendSpread(sockets) {
  const started = performance.now()
  let sent = 0
  for (let ms = 0; ms < spread.seconds * 1000; ms = performance.now() - started) {
    for (const due = Math.floor((ms / 1000) * sockets.length); sent < due; sent++)
      sockets[sent % sockets.length].write(beat)
    await pause(1)
  }
  return sent
}

function printBurst({ newlines, hangdog }) {
  const rate = (results) => median(results.map(({ beats, cpuUs }) => beats / (cpuUs / 1e6)))
  const wall = (results) => median(results.map(({ beats, wallMs }) => beats / (wallMs / 1000)))
  const ratio = median(hangdog.map((one, index) => rate([one]) / rate([newlines[index]])))
  console.log(`burst: ${burst.connections} connections, ${burst.beats} beats, one a write; median of ${rounds}`)
  console.table({
    'newline counter': {
      'beats/s of one core': round(rate(newlines)),
      'beats/s wall': round(wall(newlines)),
      lost: lost(newlines),
    },
    hangdog: { 'beats/s of one core': round(rate(hangdog)), 'beats/s wall': round(wall(hangdog)), lost: lost(hangdog) },
  })
  console.log(
    `hangdog / newline counter: ${ratio.toFixed(2)} (goal: at least 0.80, and at least 500000 beats/s, none lost)\n`,
  )
}

function printSpread({ naive, hangdog }) {
  const cost = (results) => median(results.map(({ beats, cpuUs }) => cpuUs / beats))
  const grown = (results) => median(results.map((result) => result.grown / 1e6))
  const ratio = median(hangdog.map((one, index) => cost([one]) / cost([naive[index]])))
  console.log(`spread: ${spread.connections} services at 1 beat/s for ${spread.seconds} s; median of ${rounds}`)
  const row = (results) => ({
    'µs CPU/beat': cost(results).toFixed(2),
    'CPU %': ((cost(results) * spread.connections) / 1e4).toFixed(1),
    'MB above idle': Math.round(grown(results)),
    lost: lost(results),
  })
  console.table({ 'naive supervisor': row(naive), hangdog: row(hangdog) })
  console.log(`hangdog / naive supervisor, CPU: ${ratio.toFixed(2)} (goal: at most 0.75; at most 60 MB above idle)`)
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function round(value) {
  return Math.round(value / 1000) * 1000
}

function lost(results) {
  return results.reduce((sum, { sent, beats }) => sum + sent - beats, 0)
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function answer(handlers) {
  process.on('message', async ({ kind, ...rest }) => process.send(await handlers[kind](rest)))
  process.on('disconnect', () => process.exit())
}

function once(child, kind) {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => message.kind === kind && resolve(message))
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended (${code})`)))
  })
}

function tell(child, kind, content, answered) {
  const reply = once(child, answered)
  child.send({ kind, ...content })
  return reply
}
