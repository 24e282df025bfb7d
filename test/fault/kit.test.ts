import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildC } from '../../src/fault/build.js'
import { prepareFault } from '../../src/fault/kit.js'
import { findInPath, findMissing } from '../../src/fault/need.js'
import { until } from '../e2e/hangdog.js'
import { temporaryDirectory } from './trials.js'

/** For the time of a test. */
function setVariable(t: Test, name: 'PATH' | 'TMPDIR', value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.teardown(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

/** Hears what a service says on the stream. */
async function listen(t: Test, folder: string) {
  const said: string[] = []
  const path = join(folder, 'beats.sock')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (text: string) => said.push(...text.split('\n').slice(0, -1)))
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { path, said }
}

for (const kind of ['unsettled-promise', 'file-lock', 'java-deadlock', 'go-deadlock', 'c-deadlock']) {
  t.test(`${kind}: the service beats until the trigger appears, and takes the trigger away`, async (t) => {
    const folder = temporaryDirectory(t)
    const prepared = await prepareFault(kind, folder, { intervalMs: 10 })
    if ('missing' in prepared) {
      t.pass('not run', { skip: prepared.missing })
      return
    }
    const { path, said } = await listen(t, folder)
    const env = { ...process.env, ...prepared.env, HANGDOG_SOCKET: path, HANGDOG_TOKEN: 'secret', NODE_OPTIONS: '' }
    const child = spawn(prepared.command, [...prepared.args], { env, stdio: 'inherit' })
    const ended = once(child, 'exit')
    t.teardown(async () => {
      child.kill('SIGKILL')
      await ended
    })
    await until(() => said.length >= 10 || undefined, 'beats')
    t.same(said.slice(0, 3), ['HANGDOG_TOKEN=secret', 'READY=1', 'WATCHDOG=1'])
    writeFileSync(prepared.trigger, '')
    await until(() => !existsSync(prepared.trigger) || undefined, 'end of the trigger')
    const silent = async () => {
      const before = said.length
      await new Promise((resolve) => setTimeout(resolve, 300))
      return said.length === before || undefined
    }
    await until(silent, 'silence')
    t.equal(child.exitCode, null, 'it is up')
  })
}

t.test('what a machine does not have is named', async (t) => {
  const folder = temporaryDirectory(t)
  setVariable(t, 'PATH', folder)
  const prepared = await prepareFault('java-deadlock', folder)
  t.same(prepared, { missing: 'java is not in PATH; javac is not in PATH' })
  t.same(await findMissing(['gcc', 'mkfifo']), ['gcc is not in PATH', 'mkfifo is not in PATH'])
  t.same(readdirSync(folder), [], 'and nothing was made')
})

t.test('a program is compiled once, and again when it has changed', async (t) => {
  if ((await findInPath('gcc')) === undefined) {
    t.pass('not run', { skip: 'gcc is not in PATH' })
    return
  }
  const directory = temporaryDirectory(t)
  setVariable(t, 'TMPDIR', directory)
  const sources = join(directory, 'sources')
  mkdirSync(sources)
  writeFileSync(join(sources, 'service.h'), '')
  writeFileSync(join(sources, 'some.c'), 'int main(void) { return 0; }\n')
  const both = await Promise.all([buildC(sources, 'some.c'), buildC(sources, 'some.c')])
  t.equal(both[0], both[1])
  t.equal(await buildC(sources, 'some.c'), both[0])
  writeFileSync(join(sources, 'some.c'), 'int main(void) { return 1; }\n')
  t.not(await buildC(sources, 'some.c'), both[0])
  const cache = join(directory, `hangdog-fault-${process.getuid?.()}`)
  t.equal(readdirSync(cache).length, 2, 'nothing half-made is left')
  writeFileSync(join(sources, 'some.c'), 'int main(void) { return }\n')
  await t.rejects(buildC(sources, 'some.c'), { code: 'unavailable', message: /cannot compile.*some.*gcc/ })
  t.equal(readdirSync(cache).length, 2)
})

t.test('a cache that others may write to, or that is a link, is not used', async (t) => {
  const directory = temporaryDirectory(t)
  setVariable(t, 'TMPDIR', directory)
  const cache = join(directory, `hangdog-fault-${process.getuid?.()}`)
  const sources = join(directory, 'sources')
  mkdirSync(sources)
  writeFileSync(join(sources, 'service.h'), '')
  writeFileSync(join(sources, 'some.c'), 'int main(void) { return 0; }\n')
  symlinkSync(sources, cache)
  await t.rejects(buildC(sources, 'some.c'), { code: 'permission' })
  setVariable(t, 'TMPDIR', sources)
  mkdirSync(join(sources, `hangdog-fault-${process.getuid?.()}`))
  chmodSync(join(sources, `hangdog-fault-${process.getuid?.()}`), 0o777)
  await t.rejects(buildC(sources, 'some.c'), { code: 'permission' })
})
