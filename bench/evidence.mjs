// How long evidence takes: real Node services hang, and each is captured once, from the start of the capture to the last exhibit, cause
// included. Beside it, in turns: the least that gives one stack, which is SIGUSR1, the inspector, one pause.
//
//   node bench/evidence.mjs [captures]        (default 20 of each kind)
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { createLazyCollector } from '../dist/evidence/lazy-collector.js'
import { systemClock } from '../dist/system-clock.js'
import { printTable, summary } from './statistics.mjs'

const captures = Number(process.argv[2] ?? 20)
const budget = 3000
const fixture = (name) => fileURLToPath(new URL(`../test/fixtures/evidence/${name}`, import.meta.url))
const platform = {
  signal: ({ pid }, signal) => {
    process.kill(pid, signal)
    return { kind: 'sent' }
  },
}
const collector = createLazyCollector({ clock: systemClock, platform })
const busy = { kind: 'busy-loop', cpuPercent: 99 }
const kinds = [
  { kind: 'busy loop', args: [fixture('busy-loop.mjs'), '600000'], hang: busy, cause: /^busy loop in spin/ },
  { kind: 'regular expression', args: [fixture('slow-regexp.mjs')], hang: busy, cause: /inside RegExp\.exec/ },
  { kind: 'busy worker', args: [fixture('busy-worker.mjs')], hang: busy, cause: /^worker thread/ },
  {
    kind: 'idle loop',
    args: [fixture('idle-loop.mjs')],
    hang: { kind: 'waiting', waitChannel: 'ep_poll' },
    cause: /^event loop is idle/,
  },
]

for (const { kind, args, hang, cause } of kinds) {
  const bare = []
  const whole = []
  const parts = new Map()
  let named = 0
  for (let round = 0; round < captures; round++) {
    if (kind === 'busy loop') await withService(args, async (subject) => bare.push(await takeBareStack(subject.pid)))
    await withService(args, async (subject) => {
      const start = performance.now()
      const exhibits = await collector.capture({ ...requestFor(subject), hang })
      whole.push(performance.now() - start)
      for (const { name, tookMs } of exhibits) parts.set(name, [...(parts.get(name) ?? []), tookMs])
      if (cause.test(String(exhibits.find(({ name }) => name === 'cause')?.content))) named++
    })
  }
  printTable(`${kind}: evidence, ms; the cause was named in ${named} of ${captures}`, [
    ...(bare.length === 0 ? [] : [{ what: 'bare: SIGUSR1 and one pause', ...summary(bare) }]),
    { what: 'hangdog: all exhibits and the cause', ...summary(whole) },
    ...['process', 'javascript-stack', 'vitals'].map((name) => ({
      what: `  ${name}`,
      ...summary(parts.get(name) ?? []),
    })),
  ])
}

async function withService(args, use) {
  const preload = ['--import', fixture('random-inspector-port.mjs')]
  const child = spawn(process.execPath, [...preload, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  try {
    await once(child.stdout, 'data')
    await sleep(150)
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    await use({ pid: child.pid, startTime }, child)
  } finally {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
}

function requestFor(subject) {
  const identity = { identity: subject, command: 'node', startedAt: new Date(), lastLines: () => [] }
  return { service: 'bench', process: identity, subject, reading: { kind: 'gone' }, budget, silent: 1000 }
}

/** As a program would that does nothing else. */
async function takeBareStack(pid) {
  const before = listeners(pid)
  const start = performance.now()
  process.kill(pid, 'SIGUSR1')
  let port
  while (port === undefined) {
    await sleep(1)
    port = listeners(pid).find((each) => !before.includes(each))
  }
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()
  const socket = new WebSocket(webSocketDebuggerUrl)
  await once(socket, 'open')
  const paused = new Promise((resolve) =>
    socket.on('message', (data) => JSON.parse(String(data)).method === 'Debugger.paused' && resolve(performance.now())),
  )
  socket.send(JSON.stringify({ id: 1, method: 'Debugger.enable' }))
  socket.send(JSON.stringify({ id: 2, method: 'Debugger.pause' }))
  const end = await paused
  socket.terminate()
  return end - start
}

/** Ports on 127.0.0.1; in this machine's byte order the address is written backwards. */
function listeners(pid) {
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .filter((line) => line.includes('0100007F:') && / 0A /.test(line))
    .map((line) => Number.parseInt(/0100007F:([0-9A-F]{4})/.exec(line)[1], 16))
}
