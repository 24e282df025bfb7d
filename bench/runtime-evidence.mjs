// How long the stacks of each runtime take, with the limits of EvidenceTimeout's default: node bench/runtime-evidence.mjs [TURNS]
// Needs gcc, javac, go, gdb and python3; what is missing is left out. Programs are built in a temporary directory.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describeCause } from '../dist/evidence/cause.js'
import { createEvidenceCollector } from '../dist/evidence/collector.js'
import { systemClock } from '../dist/system-clock.js'

const turns = Number(process.argv[2] ?? 5)
const fixture = (name) => fileURLToPath(new URL(`../test/fixtures/evidence/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const platform = {
  signal: ({ pid }, signal) => {
    process.kill(pid, signal)
    return { kind: 'sent' }
  },
}
const hang = { kind: 'waiting', waitChannel: 'futex_wait_queue' }

const cases = {
  'C, two mutexes': () => {
    execFileSync('gcc', ['-g', '-O1', '-o', join(folder, 'two-locks'), fixture('two-locks.c'), '-lpthread'])
    return [join(folder, 'two-locks')]
  },
  'Java, two monitors': () => {
    execFileSync('javac', ['-d', folder, fixture('TwoLocks.java')])
    return ['java', '-cp', folder, 'TwoLocks']
  },
  'Go, two mutexes': () => {
    const env = { ...process.env, GO111MODULE: 'off', GOCACHE: join(folder, 'cache') }
    execFileSync('go', ['build', '-o', join(folder, 'go'), fixture('two-locks.go')], { env })
    return [join(folder, 'go')]
  },
  'Python with client': () => ['python3', fixture('two-locks-client.py')],
  'Python by gdb, from source': () => ['python3', fixture('two-locks.py')],
  'Python by gdb, Debian': () => ['/usr/bin/python3.11', fixture('two-locks.py')],
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

for (const [name, prepare] of Object.entries(cases)) {
  try {
    const [command, ...args] = prepare()
    const times = new Map()
    const causes = new Map()
    for (let turn = 0; turn < turns; turn++) {
      const child = spawn(command, args, { stdio: 'ignore' })
      await delay(1000)
      const process = { identity: { pid: child.pid, startTime: '' }, lastLines: () => [] }
      const request = {
        service: 'bench',
        process,
        subject: process.identity,
        reading: { kind: 'gone' },
        hang,
        budget: 3000,
      }
      const start = performance.now()
      const exhibits = await createEvidenceCollector({ clock: systemClock, platform }).capture(request)
      const all = performance.now() - start
      for (const { name: exhibit, tookMs, kind } of [
        ...exhibits,
        { name: 'all', tookMs: Math.round(all), kind: 'captured' },
      ]) {
        const label = kind === 'captured' ? exhibit : `${exhibit} (missing)`
        times.set(label, [...(times.get(label) ?? []), tookMs])
      }
      const cause = describeCause(hang, exhibits).replace(/0x[0-9a-f]+|\d{3,}/g, 'N')
      causes.set(cause, (causes.get(cause) ?? 0) + 1)
      child.kill('SIGKILL')
    }
    console.log(`${name}, median of ${turns}`)
    for (const [label, values] of times) console.log(`  ${label.padEnd(26)} ${median(values)} ms (${values.length})`)
    for (const [cause, count] of causes) console.log(`  ${count} x ${cause}`)
  } catch (error) {
    console.log(`${name}: left out, ${error.message}`)
  }
}
rmSync(folder, { recursive: true, force: true })
