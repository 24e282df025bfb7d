import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  ask,
  fixture,
  freePort,
  type Hangdog,
  isAlive,
  runService,
  stateDirectory,
  until,
  untilAnswers,
} from './hangdog.js'

/** What is needed of a program that may be missing on this machine. */
function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter(
    (name) => !['/usr/bin', '/usr/sbin', '/bin'].some((path) => existsSync(join(path, name))),
  )
  return absent.length > 0
    ? `skipped: ${absent.join(' and ')} not installed (apt-get install nginx-light redis-server python3)`
    : false
}

const restarting = ['--restart', 'on-failure', '--terminate-timeout', '1s']

/** Waits until the hang was found, recovered from, and the service answers again as another process. */
async function recovered(t: Test, run: Hangdog, from: number, port: number, path = '/'): Promise<void> {
  const hang = await run.event('hang-recovery', from)
  t.equal(hang.id, 4870)
  await run.event('terminate-proven', from)
  await run.event('service-restarted', from)
  await untilAnswers(port, path)
  const closed = await run.event('incident-closed', from)
  t.equal(closed.parameters.outcome, 'recovered')
}

for (const [way, kind, cause] of [
  ['/loop', /busy loop/, /endlessLoop/],
  ['/atomics', /waiting/, /waitForEver/],
] as const) {
  t.test(`a Node web service with the preload that hangs in ${way} is found, explained and restarted`, async (t) => {
    const port = await freePort()
    const run = runService(t, ['--timeout', '2s', ...restarting], [process.execPath, fixture('web.mjs')], undefined, {
      PORT: String(port),
    })
    const first = await untilAnswers(port)
    await run.event('service-armed')
    const from = run.events.length
    t.equal(await ask(port, way, 500), undefined)
    await recovered(t, run, from, port)
    t.match(run.events.find(({ name }) => name === 'hang-recovery')?.message, kind)
    t.match((await run.event('hang-explained', from)).message, cause)
    t.not(await ask(port), first)
    t.notOk(isAlive(Number(first)))
  })
}

t.test('a Node web service blocked in native code, reading a FIFO, is found, and the FIFO named', async (t) => {
  const directory = stateDirectory(t)
  const fifo = join(directory, 'nobody-writes')
  execFileSync('mkfifo', [fifo])
  const port = await freePort()
  const run = runService(t, ['--timeout', '2s', ...restarting], [process.execPath, fixture('web.mjs')], directory, {
    PORT: String(port),
  })
  await untilAnswers(port)
  await run.event('service-armed')
  const from = run.events.length
  t.equal(await ask(port, `/fifo?path=${encodeURIComponent(fifo)}`, 500), undefined)
  await recovered(t, run, from, port)
  t.match((await run.event('hang-explained', from)).message, /nobody-writes/)
})

t.test('a channel without progress is a hang, although the service goes on beating and answering', async (t) => {
  const port = await freePort()
  const run = runService(
    t,
    ['--timeout', '3s', '--heartbeat', 'stream', ...restarting],
    [process.execPath, fixture('channels.mjs')],
    undefined,
    { PORT: String(port) },
  )
  await untilAnswers(port)
  await run.event('service-armed')
  const from = run.events.length
  t.ok(await ask(port, '/stick'))
  t.ok(await ask(port), 'it still answers')
  await recovered(t, run, from, port)
  const warning = await run.event('silence-warning', from)
  t.equal(warning.parameters.channel, 'worker')
})

t.test(
  'a Python service that beats with the standard library, blocked on a FIFO',
  { skip: missing('python3') },
  async (t) => {
    const directory = stateDirectory(t)
    const fifo = join(directory, 'nobody-writes')
    execFileSync('mkfifo', [fifo])
    const port = await freePort()
    const run = runService(
      t,
      ['--timeout', '1500ms', '--heartbeat', 'stream', ...restarting],
      ['python3', fixture('service.py'), fifo],
      directory,
      { PORT: String(port) },
    )
    await untilAnswers(port)
    const from = run.events.length
    t.equal(await ask(port, '/fifo', 500), undefined)
    await recovered(t, run, from, port)
    t.match((await run.event('hang-explained', from)).message, /nobody-writes/)
  },
)

t.test('nginx, asked by http, with its worker stopped', { skip: missing('nginx') }, async (t) => {
  const directory = stateDirectory(t)
  const port = await freePort()
  mkdirSync(join(directory, 'www'))
  writeFileSync(join(directory, 'www', 'index.html'), 'hello from nginx\n')
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr;
     events {} http { access_log off; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p;
     fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
     server { listen 127.0.0.1:${port}; root ${directory}/www; } }`,
  )
  execFileSync('chmod', ['-R', 'a+rX', directory])
  const probe = ['--heartbeat', `http://127.0.0.1:${port}/`, '--probe-interval', '300ms', '--probe-timeout', '1s']
  const run = runService(
    t,
    ['--timeout', '2500ms', '--output', 'inherit', ...probe, ...restarting],
    ['nginx', '-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')],
    directory,
  )
  await untilAnswers(port)
  await run.event('service-armed')
  const from = run.events.length
  const master = Number(readFileSync(join(directory, 'nginx.pid'), 'utf8'))
  const worker = await until(() => childOf(master), 'nginx worker')
  process.kill(worker, 'SIGSTOP')
  await recovered(t, run, from, port)
  t.equal(await ask(port), 'hello from nginx\n')
  t.notOk(isAlive(worker), 'the stopped worker is gone as well')
})

t.test(
  'redis-server, asked by redis-cli, asleep in its main thread',
  { skip: missing('redis-server', 'redis-cli') },
  async (t) => {
    const directory = stateDirectory(t)
    const port = await freePort()
    const run = runService(
      t,
      [
        '--timeout',
        '2500ms',
        '--heartbeat',
        `exec:redis-cli -p ${port} ping`,
        '--probe-interval',
        '300ms',
        ...restarting,
      ],
      [
        'redis-server',
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--dir',
        directory,
        '--enable-debug-command',
        'yes',
      ],
      directory,
    )
    await run.event('service-armed')
    const from = run.events.length
    const asleep = runBeside(t, 'redis-cli', ['-p', String(port), 'debug', 'sleep', '120'])
    const hang = await run.event('hang-recovery', from)
    t.match(hang.message, /waiting/)
    await run.event('terminate-proven', from)
    await run.event('service-restarted', from)
    t.equal((await run.event('incident-closed', from)).parameters.outcome, 'recovered')
    t.equal(execFileSync('redis-cli', ['-p', String(port), 'ping'], { encoding: 'utf8' }).trim(), 'PONG')
    asleep()
  },
)

t.test(
  'redis-server stopped by SIGSTOP is held, or acted on where the policy allows',
  { skip: missing('redis-server', 'redis-cli') },
  async (t) => {
    const directory = stateDirectory(t)
    const port = await freePort()
    const command = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory]
    const probe = [
      '--heartbeat',
      `exec:redis-cli -p ${port} ping`,
      '--probe-interval',
      '300ms',
      '--probe-timeout',
      '500ms',
    ]
    const run = runService(t, ['--timeout', '2s', '--hold', 'stopped=6s', ...probe, ...restarting], command, directory)
    await run.event('service-armed')
    const from = run.events.length
    const { pid } = (await run.event('service-started')).parameters
    process.kill(Number(pid), 'SIGSTOP')
    t.equal((await run.event('hold-started', from)).parameters.reason, 'stopped')
    t.notOk(run.has('hang-recovery', from))
    const hang = await run.event('hang-recovery', from)
    t.match(hang.message, /held for longer than allowed/)
    await run.event('service-restarted', from)
    t.equal((await run.event('incident-closed', from)).parameters.outcome, 'recovered')
  },
)

t.test('a server whose listen queue is full, asked by tcp', { skip: missing('python3') }, async (t) => {
  const port = await freePort()
  const probe = ['--heartbeat', `tcp://127.0.0.1:${port}`, '--probe-interval', '100ms', '--probe-timeout', '300ms']
  const run = runService(
    t,
    ['--timeout', '2s', ...probe, ...restarting],
    ['python3', fixture('backlog.py')],
    undefined,
    {
      PORT: String(port),
    },
  )
  await run.event('service-armed')
  const from = run.events.length
  const { pid } = (await run.event('service-started')).parameters
  process.kill(Number(pid), 'SIGUSR2')
  const hang = await run.event('hang-recovery', from)
  t.match(hang.message, /waiting/)
  await run.event('service-restarted', from)
  t.equal((await run.event('incident-closed', from)).parameters.outcome, 'recovered')
})

function childOf(parent: number): number | undefined {
  const text = execFileSync('ps', ['--ppid', String(parent), '-o', 'pid='], { encoding: 'utf8' }).trim()
  return text === '' ? undefined : Number(text.split('\n')[0])
}

/** Starts a client that will not come back by itself. @returns ends it */
function runBeside(t: Test, command: string, args: readonly string[]): () => void {
  const child = spawn(command, args, { stdio: 'ignore' })
  const end = (): void => void child.kill('SIGKILL')
  t.teardown(end)
  return end
}
