import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fixture, freePort, Hangdog, hangdog, isAlive, stateDirectory, until, untilAnswers } from './hangdog.js'

t.test(
  'supervise watches several services; two that hang at once are both recovered, the third is left alone',
  async (t) => {
    const directory = stateDirectory(t)
    const ports = [await freePort(), await freePort(), await freePort()]
    const service = (port: number | undefined) =>
      `{ command: [${process.execPath}, ${fixture('web.mjs')}], environment: { PORT: ${port} } }`
    const file = join(directory, 'hangdog.yaml')
    writeFileSync(
      file,
      `defaults: { heartbeatTimeout: 3s, terminateTimeout: 1s, restart: { mode: on-failure } }
services:
  one: ${service(ports[0])}
  two: ${service(ports[1])}
  three: ${service(ports[2])}
`,
    )
    const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
    const [one = 0, two = 0, three = 0] = ports
    const pids = await Promise.all([untilAnswers(one), untilAnswers(two), untilAnswers(three)])
    await until(
      () => (run.events.filter(({ name }) => name === 'service-armed').length === 3 ? true : undefined),
      'three armed',
    )
    void fetch(`http://127.0.0.1:${one}/loop`).catch(() => {})
    void fetch(`http://127.0.0.1:${two}/atomics`).catch(() => {})
    await until(
      () =>
        run.events.filter(({ name, parameters }) => name === 'incident-closed' && parameters.outcome === 'recovered')
          .length === 2
          ? true
          : undefined,
      'two recoveries',
    )
    t.not(await untilAnswers(one), pids[0])
    t.not(await untilAnswers(two), pids[1])
    t.equal(await untilAnswers(three), pids[2])

    const status = await hangdog(t, ['status', '--state-dir', directory, '--json'])
    const lines = status.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.match(lines.map(({ service, restarts }) => [service, restarts]).sort(), [
      ['one', 1],
      ['three', 0],
      ['two', 1],
    ])
    const explained = await hangdog(t, ['explain', 'one', '--state-dir', directory])
    t.match(explained.stdout, /HangRecoveryAction is 3/)

    run.child.kill('SIGTERM')
    t.equal((await run.finished).code, 0)
    t.notOk(isAlive(Number(pids[2])), 'its services end with it')
  },
)

t.test('--check says whether a file can be used, and starts nothing', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  writeFileSync(file, 'services: { web: { command: [sleep, "1"] } }\n')
  const { code, stdout } = await hangdog(t, ['supervise', '--config', file, '--check'])
  t.equal(code, 0)
  t.match(stdout, /can be used: web/)
})

t.test('when every service has ended by itself, so does supervise, with 1', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  writeFileSync(file, 'services: { short: { command: ["true"] } }\n')
  const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
  t.equal((await run.finished).code, 1)
})

for (const signal of ['SIGHUP', 'SIGQUIT'] as const) {
  t.test(`${signal} ends supervise in order; no service goes on without a watch`, async (t) => {
    const directory = stateDirectory(t)
    const file = join(directory, 'hangdog.yaml')
    writeFileSync(file, 'services: { sleeper: { command: [sleep, "60"] } }\n')
    const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
    const { parameters } = await run.event('service-started')
    await run.event('supervisor-started')
    run.child.kill(signal)
    t.equal((await run.finished).code, 0)
    t.notOk(isAlive(Number(parameters.pid)))
  })
}

t.test('supervise that is ended during a recovery finishes it and records that', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  const stubborn = "trap '' TERM; while :; do sleep 0.1; done"
  writeFileSync(
    file,
    `defaults: { heartbeatTimeout: 1s, startTimeout: 1s, terminateTimeout: 2s, evidenceTimeout: 0s }
services: { stubborn: { command: [sh, -c, "${stubborn}"], heartbeat: stream } }
`,
  )
  const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
  await run.event('terminate-requested')
  run.child.kill('SIGTERM')
  await run.finished
  t.ok(run.has('terminate-proven'))
  t.ok(run.has('incident-closed'))
  t.equal(run.events.at(-1)?.name, 'supervisor-stopped')
})

t.test('a second signal to supervise ends a service that does not end by itself at once', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'hangdog.yaml')
  const stubborn = "trap '' TERM; while :; do sleep 0.1; done"
  writeFileSync(
    file,
    `services: { stubborn: { command: [sh, -c, "${stubborn}"], heartbeat: stream, stopTimeout: 1h } }\n`,
  )
  const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
  const { parameters } = await run.event('service-started')
  await until(() => ignoresTerm(Number(parameters.pid)) || undefined, 'trap')
  run.child.kill('SIGTERM')
  await run.event('service-stopping')
  run.child.kill('SIGTERM')
  t.equal((await run.finished).code, 0)
  t.notOk(isAlive(Number(parameters.pid)))
})

/** Whether the shell has come to its trap. */
function ignoresTerm(pid: number): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${ignored}`) & (1n << 14n)) !== 0n
}
