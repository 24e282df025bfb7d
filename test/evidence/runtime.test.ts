import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRuntime, selectRuntime } from '../../src/evidence/runtime.js'
import { fixture, startHung } from '../fixtures/evidence/hung-service.js'
import { buildGo, hasTool, makeFolder, needs } from '../fixtures/evidence/program.js'

t.test('the runtime follows from the program and the libraries mapped into it', (t) => {
  const libc = '/usr/lib/x86_64-linux-gnu/libc.so.6'
  const cases: readonly (readonly [string, readonly string[], object])[] = [
    ['java', [libc, '/opt/jdk/lib/server/libjvm.so'], { kind: 'java', machine: 'hotspot' }],
    ['launcher', ['/opt/jdk/lib/server/libjvm.so (deleted)'], { kind: 'java', machine: 'hotspot' }],
    ['java', ['/a/libjvm.so', '/a/libj9vm29.so'], { kind: 'java', machine: 'openj9' }],
    ['python3.11', [libc], { kind: 'python', version: '3.11' }],
    ['python3', [libc], { kind: 'python', version: '' }],
    ['python3.13t', [libc], { kind: 'python', version: '3.13' }],
    ['uwsgi', ['/usr/lib/libpython3.9.so.1.0'], { kind: 'python', version: '3.9' }],
    ['python-helper', [libc], { kind: 'native' }],
    ['nginx', [libc, '/tmp/notlibjvm.so'], { kind: 'native' }],
  ]
  for (const [program, paths, expected] of cases) t.strictSame(selectRuntime(program, paths), expected, program)
  t.end()
})

t.test('Node, Python and native programs are told apart', async (t) => {
  t.strictSame(await readRuntime(process.pid), { kind: 'node' })
  const sleep = await startHung(t, 'sleep', ['600'], { silent: true })
  t.strictSame(await readRuntime(sleep.pid), { kind: 'native' })
  const python = await startHung(t, 'python3', [fixture('two-locks.py')])
  t.match(await readRuntime(python.pid), { kind: 'python', version: /^3\.\d+$/ })
})

t.test('a Node program whose file was replaced is still one', async (t) => {
  const program = join(makeFolder(t), 'node')
  copyFileSync(process.execPath, program)
  const service = await startHung(t, program, ['-e', 'console.log("hung"); setInterval(() => {}, 1000)'])
  rmSync(program)
  t.strictSame(await readRuntime(service.pid), { kind: 'node' })
})

t.test('a Go program is known also when it was stripped', { skip: needs('go') }, async (t) => {
  const program = buildGo(makeFolder(t), 'two-locks', ['-ldflags=-s -w'])
  if (hasTool('strip')) (await import('node:child_process')).execFileSync('strip', [program])
  const service = await startHung(t, program, [])
  t.strictSame(await readRuntime(service.pid), { kind: 'go' })
})

t.test('of a process that is gone nothing is claimed', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const exited = new Promise((resolve) => service.child.once('exit', resolve))
  service.child.kill('SIGKILL')
  await exited
  t.strictSame(await readRuntime(service.pid), { kind: 'unknown', reason: 'it no longer exists' })
})
