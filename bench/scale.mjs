// What many services cost: N services that beat once a second over the stream, under the whole core (supervisor, state machines,
// countdowns, stream server) in a process of its own, beside a naive supervisor (one setTimeout a service) with the same load.
// The services are connections of one load generator; their processes are pretended, because N real ones would measure the machine.
//
//   node bench/scale.mjs [services] [seconds] [only]        (default 10000 and 20; and a tenth of the services, unless only)
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { printTable } from './statistics.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const most = Number(process.argv[2] ?? 10_000)
const span = Number(process.argv[3] ?? 20)
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const rows = []

const sizes = process.argv[4] === 'only' ? [most] : [Math.round(most / 10), most]
for (const services of sizes) {
  for (const kind of ['naive', 'hangdog']) rows.push(await measure(kind, services))
}
printTable(`${span} s at one beat a second each`, rows)
rmSync(directory, { recursive: true, force: true })

async function measure(kind, services) {
  const path = join(directory, `${kind}-${services}.sock`)
  const server = fork(here(`fixtures/scale-${kind}.mjs`), [path, String(services)], { serialization: 'advanced' })
  const [idle, tokens] = await new Promise((resolve) => server.once('message', resolve))
  const sockets = []
  for (let index = 0; index < services; index++) {
    const socket = connect(path)
    socket.write(`HANGDOG_TOKEN=${tokens[index]}\nREADY=1\nWATCHDOG=1\n`)
    sockets.push(socket)
    if (index % 100 === 99) await sleep(10)
  }
  // Beats are spread over the second, a hundredth of the services at a time.
  let turn = 0
  const beats = setInterval(() => {
    for (let index = turn % 100; index < services; index += 100) sockets[index].write('WATCHDOG=1\n')
    turn++
  }, 10)
  await sleep(10_000)
  const before = usage(server.pid)
  await sleep(span * 1000)
  const after = usage(server.pid)
  clearInterval(beats)
  server.send('report')
  const counted = await new Promise((resolve) => server.once('message', resolve))
  for (const socket of sockets) socket.destroy()
  server.kill('SIGKILL')
  return {
    supervisor: kind,
    services,
    'CPU %': ((after.ticks - before.ticks) / span).toFixed(1),
    'µs CPU a beat': (((after.ticks - before.ticks) * 10_000) / (services * span)).toFixed(1),
    'RSS MB': after.rss.toFixed(0),
    'above idle MB': (after.rss - idle).toFixed(0),
    beats: counted.beats,
    expired: counted.expired,
  }
}

function usage(pid) {
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return { rss, ticks: Number(stat[11]) + Number(stat[12]) }
}
