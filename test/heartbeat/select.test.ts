import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { isNodeProgram } from '../../src/heartbeat/node-program.js'
import { withPreload } from '../../src/heartbeat/node-source.js'
import { parseHeartbeat } from '../../src/heartbeat/parse.js'
import { chooseHeartbeat, selectSource } from '../../src/heartbeat/select.js'
import { systemClock } from '../../src/system-clock.js'
import { seconds } from '../../src/time.js'
import { RecordingReceiver } from './recording-receiver.js'
import { makeFolder, openStreams } from './stream-fixture.js'

t.test('each form of --heartbeat is read', (t) => {
  const forms: Record<string, object> = {
    auto: { kind: 'auto' },
    notify: { kind: 'notify' },
    page: { kind: 'page' },
    stream: { kind: 'stream' },
    node: { kind: 'node' },
    'http://127.0.0.1:80/health?deep=1': { kind: 'http', url: 'http://127.0.0.1/health?deep=1' },
    'https://localhost': { kind: 'http', url: 'https://localhost/' },
    'tcp://db.example:5432': { kind: 'tcp', host: 'db.example', port: 5432 },
    'tcp://[::1]:80': { kind: 'tcp', host: '::1', port: 80 },
    'exec:redis-cli ping': { kind: 'exec', command: 'redis-cli ping' },
    'file:/run/app.beat': { kind: 'file', path: '/run/app.beat' },
    'file:relative path': { kind: 'file', path: 'relative path' },
  }
  for (const [text, spec] of Object.entries(forms)) t.strictSame(parseHeartbeat(text), spec, text)
  t.end()
})

t.test('anything else is refused with what was expected and what was given', (t) => {
  const bad: Record<string, RegExp> = {
    '': /auto, notify, page, stream/,
    streams: /auto, notify, page, stream/,
    'ftp://x': /auto, notify, page, stream/,
    'http:/x': /a URL such as/,
    'http://': /a URL such as/,
    'http://a:99999/': /a URL such as/,
    'tcp://localhost': /tcp:\/\/HOST:PORT/,
    'tcp://:80': /tcp:\/\/HOST:PORT/,
    'tcp://a:0': /1 to 65535/,
    'tcp://a:65536': /1 to 65535/,
    'tcp://::1:80': /tcp:\/\/HOST:PORT/,
    'exec:': /a command after/,
    'exec:  ': /a command after/,
    'file:': /a path after/,
  }
  for (const [text, expected] of Object.entries(bad)) {
    t.throws(() => parseHeartbeat(text), { code: 'usage', message: expected }, text)
    t.throws(() => parseHeartbeat(text), { message: new RegExp(`"${text.replace(/[[\]]/g, '.')}"`) })
  }
  t.end()
})

t.test('a Node program is known by its name or its first line', (t) => {
  const folder = makeFolder(t)
  const script = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    return path
  }
  const searchPath = folder
  for (const command of ['node', '/opt/x/node', 'npm', 'npx', 'tsx', 'yarn', 'node.exe']) {
    t.ok(isNodeProgram({ command, searchPath }), command)
  }
  t.ok(isNodeProgram({ command: script('app', '#!/usr/bin/env node\nx'), searchPath }))
  t.ok(isNodeProgram({ command: 'app', searchPath }), 'found by PATH')
  t.ok(isNodeProgram({ command: './app', directory: folder, searchPath: undefined }))
  t.ok(isNodeProgram({ command: script('direct', '#! /usr/local/bin/node --flag\n'), searchPath }))
  t.ok(isNodeProgram({ command: script('split', '#!/usr/bin/env -S node --flag\n'), searchPath }))
  t.notOk(isNodeProgram({ command: script('shell', '#!/bin/sh\n# node\n'), searchPath }))
  t.notOk(isNodeProgram({ command: script('similar', '#!/usr/bin/env nodette\n'), searchPath }))
  t.notOk(isNodeProgram({ command: script('empty', ''), searchPath }))
  t.notOk(isNodeProgram({ command: 'missing', searchPath }))
  t.notOk(isNodeProgram({ command: folder, searchPath }))
  t.end()
})

t.test('auto means the preload for Node, and an offer for all others', (t) => {
  const searchPath = undefined
  const auto = { kind: 'auto' } as const
  const node = { command: 'node', searchPath }
  const other = { command: 'sleep', searchPath }
  const lack = 'it is not built'
  t.match(chooseHeartbeat(auto, node, undefined), { spec: { kind: 'node' }, committed: true })
  t.match(chooseHeartbeat(auto, other, undefined), {
    spec: { kind: 'offer' },
    description: 'notify or stream (offered)',
    committed: false,
  })
  t.match(chooseHeartbeat(auto, other, lack), {
    spec: { kind: 'stream' },
    description: 'stream (offered)',
    committed: false,
  })
  t.match(chooseHeartbeat({ kind: 'stream' }, other, lack), { committed: true, description: 'stream' })
  t.match(chooseHeartbeat({ kind: 'notify' }, other, undefined), { committed: true, description: 'notify' })
  t.throws(() => chooseHeartbeat({ kind: 'notify' }, other, lack), {
    code: 'unavailable',
    exitCode: 69,
    message: /needs the native part, and it is not built;/,
  })
  t.match(chooseHeartbeat({ kind: 'page' }, other, undefined), { committed: true, description: 'page' })
  t.throws(() => chooseHeartbeat({ kind: 'page' }, other, lack), {
    code: 'unavailable',
    exitCode: 69,
    message: /shared memory need the native part, and it is not built;/,
  })
  const secret = parseHeartbeat('http://user:hush@localhost/')
  t.notMatch(chooseHeartbeat(secret, { command: 'nginx', searchPath }, undefined).description, /hush/)
  t.end()
})

t.test('each choice gets its source', async (t) => {
  const { server: streams } = await openStreams(t)
  const surroundings = {
    receiver: new RecordingReceiver(),
    streams,
    notify: () => t.fail('nobody asked for the notify socket') as never,
    page: () => t.fail('nobody asked for shared memory') as never,
    clock: systemClock,
    emit: () => {},
    limit: () => seconds(6),
    nodeOptions: '--no-warnings',
  }
  const program = { command: 'x', searchPath: undefined }
  for (const text of [
    'stream',
    'node',
    'http://localhost/',
    'https://localhost/',
    'tcp://localhost:1',
    'exec:true',
    'file:/x',
  ]) {
    const choice = chooseHeartbeat(parseHeartbeat(text), program, undefined)
    const source = selectSource(choice, surroundings)
    t.equal(source.description, text)
    t.equal(choice.description, text)
    if (text === 'node')
      t.match(source.environment(), {
        NODE_OPTIONS: /^--no-warnings --import file:.*register\.js$/,
        WATCHDOG_USEC: '6000000',
      })
    await source.close()
  }
})

t.test('the preload is added to NODE_OPTIONS once, also from a folder with spaces and quotes in its name', (t) => {
  const folder = join(makeFolder(t), `a folder "of" mine's`)
  mkdirSync(folder)
  cpSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'))
  writeFileSync(join(folder, 'register.js'), 'console.log("loaded")')
  const options = withPreload('--no-warnings', pathToFileURL(join(folder, 'register.js')).href)
  t.equal(withPreload(options, pathToFileURL(join(folder, 'register.js')).href), options)
  t.equal(withPreload(' ', 'file:///r.js'), '--import file:///r.js')
  const done = spawnSync(process.execPath, ['-e', '0'], {
    env: { ...process.env, NODE_OPTIONS: options },
    encoding: 'utf8',
  })
  t.equal(done.stdout, 'loaded\n', done.stderr)
  t.end()
})
