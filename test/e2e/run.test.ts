import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ask, fixture, freePort, hangdog, isAlive, runService, stateDirectory, until, untilAnswers } from './hangdog.js'

const node = process.execPath
const spin = [node, '-e', 'setTimeout(() => { for (;;); }, 500)']

t.test('run ends with the code of the service', async (t) => {
  const run = runService(t, [], ['sh', '-c', 'exit 7'])
  t.equal((await run.finished).code, 7)
})

t.test('run ends with 128 + signal when the service was ended by one', async (t) => {
  const run = runService(t, [], ['sh', '-c', 'kill -KILL $$'])
  t.equal((await run.finished).code, 137)
})

t.test('run ends with 124 when the service hung and may not be restarted', async (t) => {
  const directory = stateDirectory(t)
  const run = runService(t, ['--timeout', '1s', '--terminate-timeout', '500ms'], spin, directory)
  const { code } = await run.finished
  t.equal(code, 124)
  t.ok(run.has('hang-recovery'))
  t.equal((await run.event('incident-closed')).parameters.outcome, 'terminated')
})

t.test('output is passed on, also what comes right before the end', async (t) => {
  const run = runService(
    t,
    [],
    [node, '-e', 'for (let i = 0; i < 5000; i++) console.log("line " + i); console.error("last words")'],
  )
  const { stdout, stderr } = await run.finished
  t.equal(stdout.split('\n').length, 5001)
  t.ok(stdout.endsWith('line 4999\n'))
  t.match(stderr, 'last words')
})

t.test('signals are passed on, and the service may end in its own way', async (t) => {
  const run = runService(t, [], ['sh', '-c', 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done'])
  await until(() => (run.stdout.includes('up') ? true : undefined), 'service')
  run.child.kill('SIGTERM')
  const { code, stdout } = await run.finished
  t.equal(code, 3)
  t.match(stdout, 'bye')
})

t.test('SIGHUP and SIGUSR2 reach the service and end nothing', async (t) => {
  const script = 'trap "echo hup" HUP; trap "echo usr2" USR2; trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'
  const run = runService(t, [], ['sh', '-c', script])
  await until(() => (run.stdout.includes('up') ? true : undefined), 'service')
  run.child.kill('SIGHUP')
  run.child.kill('SIGUSR2')
  await until(() => (run.stdout.includes('hup') && run.stdout.includes('usr2') ? true : undefined), 'signals')
  t.notOk(run.exited)
  run.child.kill('SIGTERM')
  t.equal((await run.finished).code, 0)
})

t.test('a service that ignores the request to stop is killed after the stop timeout, with its children', async (t) => {
  const run = runService(
    t,
    ['--stop-timeout', '500ms'],
    ['sh', '-c', 'trap "" TERM; sleep 300 & echo "child $!"; while :; do sleep 0.1; done'],
  )
  const child = await until(() => /child (\d+)/.exec(run.stdout)?.[1], 'child')
  run.child.kill('SIGTERM')
  t.equal((await run.finished).code, 137)
  t.notOk(isAlive(Number(child)))
})

t.test('a hung service is ended with all that it started, also what left its process group', async (t) => {
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    child.unref()
    console.log('child ' + child.pid)
    setTimeout(() => { for (;;); }, 500)`
  const run = runService(t, ['--timeout', '1s', '--terminate-timeout', '0'], [node, '-e', script])
  const child = Number(await until(() => /child (\d+)/.exec(run.stdout)?.[1], 'child'))
  await run.finished
  t.notOk(isAlive(child))
})

t.test('action 1 reports each period and ends nothing', async (t) => {
  const run = runService(t, ['--timeout', '700ms', '--action', '1', '--evidence-timeout', '0'], spin)
  await until(() => (run.events.filter(({ id }) => id === 4869).length >= 3 ? true : undefined), 'third report')
  const { pid } = (await run.event('service-started')).parameters
  t.ok(isAlive(Number(pid)))
})

t.test('action 0 watches nothing', async (t) => {
  const run = runService(t, ['--timeout', '300ms', '--action', 'disable'], spin)
  await run.event('service-unwatched')
  await sleep(1500)
  t.notOk(run.has('hang-logged') || run.has('hang-recovery'))
})

t.test('action 3 without consent does the work of 2 and says so', async (t) => {
  const run = runService(
    t,
    ['--timeout', '800ms', '--action', '3', '--terminate-timeout', '0', '--evidence-timeout', '0'],
    spin,
  )
  t.equal((await run.finished).code, 124)
  t.match((await run.event('bugcheck-refused')).message, /no consent/)
})

t.test('a dry run decides and ends nothing; the operator can still end the service', async (t) => {
  const run = runService(t, ['--timeout', '700ms', '--dry-run', '--evidence-timeout', '0'], spin)
  await run.event('dry-run')
  const pid = Number((await run.event('service-started')).parameters.pid)
  t.ok(isAlive(pid))
  run.child.kill('SIGTERM')
  await run.finished
  t.notOk(isAlive(pid))
})

t.test('a program that never heard of heartbeats is left alone', async (t) => {
  const run = runService(t, ['--timeout', '300ms', '--start-timeout', '500ms'], ['sleep', '3'])
  await run.event('service-unwatched')
  t.equal((await run.finished).code, 0)
  t.notOk(run.has('hang-recovery'))
})

t.test('hangdog stopped for longer than the limit acts on nobody', async (t) => {
  const port = await freePort()
  const run = runService(t, ['--timeout', '1s'], [node, fixture('web.mjs')], undefined, { PORT: String(port) })
  const pid = await untilAnswers(port)
  await run.event('service-armed')
  for (let round = 0; round < 3; round++) {
    const from = run.events.length
    run.child.kill('SIGSTOP')
    await sleep(2500)
    run.child.kill('SIGCONT')
    await run.event('supervisor-stalled', from)
    await sleep(700)
  }
  t.equal(await ask(port), pid)
  t.notOk(run.has('hang-recovery'))
})

t.test('everything stopped and hangdog going on first: nobody is acted on', async (t) => {
  const port = await freePort()
  const run = runService(t, ['--timeout', '1s'], [node, fixture('web.mjs')], undefined, { PORT: String(port) })
  const pid = Number(await untilAnswers(port))
  await run.event('service-armed')
  for (let round = 0; round < 3; round++) {
    run.child.kill('SIGSTOP')
    process.kill(pid, 'SIGSTOP')
    await sleep(2500)
    run.child.kill('SIGCONT')
    await sleep(50)
    process.kill(pid, 'SIGCONT')
    await sleep(1200)
  }
  t.equal(await ask(port), String(pid))
  t.notOk(run.has('hang-recovery'))
})

t.test('hangdog killed during a recovery: the next one reports the incident as interrupted', async (t) => {
  const directory = stateDirectory(t)
  const first = runService(
    t,
    ['--timeout', '700ms', '--terminate-timeout', '60s', '--evidence-timeout', '0'],
    [node, '-e', 'process.on("SIGTERM", () => {}); setTimeout(() => { for (;;); }, 500)'],
    directory,
  )
  await first.event('terminate-requested')
  const pid = Number((await first.event('service-started')).parameters.pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGKILL')
  const second = runService(t, [], ['sh', '-c', 'sleep 1'], directory)
  t.match((await second.event('incident-interrupted')).parameters, { incident: /^\d{8}T/ })
  await second.finished
  const third = runService(t, [], ['sh', '-c', 'exit 0'], directory)
  await third.finished
  t.notOk(third.has('incident-interrupted'), 'once')
})

t.test('npm start: the npm above and the node below are watched, and the hang of the lower one is found', async (t) => {
  const directory = stateDirectory(t)
  const port = await freePort()
  execFileSync('mkdir', ['-p', join(directory, 'app')])
  const manifest = { name: 'app', version: '1.0.0', scripts: { start: `${node} ${fixture('web.mjs')}` } }
  execFileSync('tee', [join(directory, 'app', 'package.json')], { input: JSON.stringify(manifest) })
  const run = runService(
    t,
    ['--timeout', '4s', '--terminate-timeout', '1s', '--restart', 'on-failure'],
    ['npm', '--prefix', join(directory, 'app'), 'start'],
    directory,
    { PORT: String(port) },
  )
  const pid = await untilAnswers(port)
  await run.event('service-armed')
  const from = run.events.length
  t.equal(await ask(port, '/loop', 300), undefined)
  const warning = await run.event('silence-warning', from)
  t.equal(warning.parameters.channel, `pid-${pid}`)
  await run.event('terminate-proven', from)
  t.notOk(isAlive(Number(pid)))
  await untilAnswers(port)
})

t.test('a second hangdog of the same name is refused, and the first is not hurt', async (t) => {
  const directory = stateDirectory(t)
  const first = runService(t, ['--name', 'web'], ['sleep', '30'], directory)
  await first.event('service-started')
  const second = await hangdog(t, ['run', '--state-dir', directory, '--name', 'web', '--', 'sleep', '1'])
  t.equal(second.code, 73)
  t.match(second.stderr, /already served by a live hangdog/)
  t.match((await hangdog(t, ['status', '--state-dir', directory, '--json'])).stdout, /"service":"web"/)
  t.notOk(first.exited)
})

t.test('the same program twice without names gets two instances', async (t) => {
  const directory = stateDirectory(t)
  const first = runService(t, [], ['sleep', '20'], directory)
  await first.event('service-started')
  const second = runService(t, [], ['sleep', '20'], directory)
  await second.event('service-started')
  const { stdout } = await hangdog(t, ['status', '--state-dir', directory, '--json'])
  t.equal(stdout.trim().split('\n').length, 2)
})

t.test('events and incidents are there afterwards, without a daemon', async (t) => {
  const directory = stateDirectory(t)
  const run = runService(t, ['--timeout', '1s', '--terminate-timeout', '0'], spin, directory)
  await run.finished
  const events = await hangdog(t, ['events', '--state-dir', directory, '--json', '--id', '4870'])
  t.match(JSON.parse(events.stdout), { id: 4870, service: 'node' })
  const list = await hangdog(t, ['incident', 'list', '--state-dir', directory, '--json'])
  const { id } = JSON.parse(list.stdout)
  const shown = await hangdog(t, ['incident', 'show', id, '--state-dir', directory])
  t.match(shown.stdout, /busy loop/)
  t.match(readFileSync(join(directory, 'incidents', id, 'incident.json'), 'utf8'), /"hang"/)
})
