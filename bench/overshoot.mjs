// How late a hung service dies: death - (last beat + timeout), in ms. The death is stamped by an observer of its own that waits on a
// pidfd; the last beat by the victim itself, right before it sends it. hangdog (JavaScript engine, evidence off, SIGKILL at once) beside
// a naive Node supervisor in the same run, idle and with 8 busy loops.
//
//   node bench/overshoot.mjs [expiries] [busy loops, with commas]        (default 300 at 100 ms, a fifth of that at 1 s; 0,8)
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { printTable, summary } from './statistics.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const expiries = Number(process.argv[2] ?? 300)
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const rows = []
const loads = (process.argv[3] ?? '0,8').split(',').map(Number)

for (const busy of loads) {
  const hogs = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);']))
  for (const [timeout, n] of [
    [100, expiries],
    [1000, Math.max(20, Math.round(expiries / 5))],
  ]) {
    for (const [name, run] of [
      ['naive Node', naive],
      ['hangdog', hangdog],
    ]) {
      const late = await measure(run, timeout, n)
      rows.push({ supervisor: name, 'timeout ms': timeout, 'busy loops': busy, ...summary(late) })
      console.log(JSON.stringify(rows.at(-1)))
    }
  }
  for (const hog of hogs) hog.kill('SIGKILL')
}
printTable('Overshoot in ms', rows)
rmSync(directory, { recursive: true, force: true })

async function measure(run, timeout, n) {
  const ledger = join(directory, `ledger-${Math.random().toString(36).slice(2)}`)
  spawnSync('mkfifo', [ledger])
  const observer = spawn('python3', [here('fixtures/observer.py'), ledger], { stdio: ['ignore', 'pipe', 'inherit'] })
  const late = []
  const done = new Promise((resolve) => {
    createInterface({ input: observer.stdout }).on('line', (line) => {
      const [, beat, death] = line.split(' ').map(Number)
      late.push((death - beat) / 1e6 - timeout)
      if (late.length === n) resolve()
    })
  })
  const interval = Math.min(0.02, timeout / 5000)
  const child = run(timeout, n, ['python3', here('fixtures/victim.py'), '4', String(interval), ledger])
  await done
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  observer.kill('SIGKILL')
  return late
}

function naive(timeout, n, victim) {
  const socket = join(directory, `naive-${Math.random().toString(36).slice(2)}.sock`)
  const args = [here('fixtures/naive-supervisor.mjs'), String(timeout), socket, String(n + 1), ...victim]
  return spawn(process.execPath, args, { stdio: 'ignore' })
}

function hangdog(timeout, n, victim) {
  const policy = [
    '--timeout',
    `${timeout}ms`,
    '--heartbeat',
    'stream',
    '--terminate-timeout',
    '0',
    '--evidence-timeout',
    '0',
  ]
  const restart = [
    '--restart',
    'always',
    '--restart-delay',
    '0',
    '--restart-limit',
    String(n + 5),
    '--restart-period',
    '1h',
  ]
  const state = ['--state-dir', join(directory, 'state'), '--log-format', 'json']
  const args = [here('../dist/cli/hangdog.js'), 'run', ...state, ...policy, ...restart, '--', ...victim]
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'] })
}
