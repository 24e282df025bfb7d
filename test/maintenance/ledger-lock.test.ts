import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { withLock } from '../../src/maintenance/ledger-lock.js'
import { eventually, temporaryDirectory } from '../control/support.js'

const thing = 'the maintenance of "web"'

const fixture = fileURLToPath(new URL('../fixtures/maintenance/lock-writer.ts', import.meta.url))

function startWriter(t: Test, directory: string, ...times: number[]): ChildProcess {
  const args = [...process.execArgv, fixture, directory, ...times.map(String)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('of several processes one at a time does its work, and nothing is left behind', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'number'), '0')
  const writers = [1, 2, 3].map(() => startWriter(t, directory, 30))
  for (const ended of await Promise.all(writers.map((writer) => once(writer, 'exit')))) t.equal(ended[0], 0)
  t.equal(readFileSync(join(directory, 'number'), 'utf8'), '90')
  t.strictSame(readdirSync(directory), ['number'])
})

t.test('a lock whose holder was killed is taken over, by one of many', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'number'), '')
  const holder = startWriter(t, directory)
  await eventually(() => readFileSync(join(directory, 'number'), 'utf8') === 'kept', 'the lock is taken')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  t.ok(existsSync(join(directory, 'lock')))
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setTimeout(resolve, 1))
    inside -= 1
  }
  await Promise.all(Array.from({ length: 20 }, () => withLock(join(directory, 'lock'), thing, work)))
  t.equal(most, 1)
  t.strictSame(readdirSync(directory), ['number'])
})

t.test('who waits too long is told who holds the lock, and what it was for', async (t) => {
  const lock = join(temporaryDirectory(t), 'lock')
  let release: () => void = () => {}
  const held = withLock(lock, thing, () => new Promise<void>((resolve) => (release = resolve)))
  await t.rejects(
    withLock(lock, thing, () => Promise.resolve(), 100),
    {
      code: 'unavailable',
      message: `cannot change the maintenance of "web": process ${process.pid} holds the lock "${lock}"`,
    },
  )
  release()
  await held
  t.equal(await withLock(lock, thing, () => Promise.resolve(7)), 7)
})

t.test('a lock of another boot of the machine is left behind, even if its process number is in use', async (t) => {
  const lock = join(temporaryDirectory(t), 'lock')
  writeFileSync(lock, `${process.pid} 1234 00000000-0000-0000-0000-000000000000\n`)
  t.equal(await withLock(lock, thing, () => Promise.resolve(7)), 7)
})

t.test('a lock that does not say whose it is counts after a minute as left behind', async (t) => {
  const lock = join(temporaryDirectory(t), 'lock')
  writeFileSync(lock, '')
  await t.rejects(
    withLock(lock, thing, () => Promise.resolve(), 100),
    { code: 'unavailable', message: /another process/ },
  )
  const old = new Date(Date.now() - 61_000)
  utimesSync(lock, old, old)
  t.equal(await withLock(lock, thing, () => Promise.resolve(7)), 7)
})

t.test('the lock goes with work that fails', async (t) => {
  const directory = temporaryDirectory(t)
  const failure = new Error('no')
  await t.rejects(
    withLock(join(directory, 'lock'), thing, () => Promise.reject(failure)),
    failure,
  )
  t.strictSame(readdirSync(directory), [])
  await t.rejects(
    withLock(join(directory, 'none', 'lock'), thing, () => Promise.resolve()),
    { code: 'ENOENT' },
  )
})
