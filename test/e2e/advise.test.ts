import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fixture, freePort, type Hangdog, hangdog, runService, stateDirectory, until } from './hangdog.js'

interface Counted {
  readonly instance: string | null
  readonly finding: string
  readonly channels: readonly { readonly gaps: { readonly count: number; readonly meanMs: number } }[]
}

/** The gaps of the one service, once there are so many. */
async function untilCounted(t: Test, directory: string, count: number): Promise<Counted> {
  return await until(async () => {
    const { code, stdout } = await hangdog(t, ['advise', 'web', '--json', '--state-dir', directory])
    const found: Counted | undefined = code === 0 ? JSON.parse(stdout) : undefined
    return (found?.channels[0]?.gaps.count ?? 0) >= count ? found : undefined
  }, `${count} gaps`)
}

async function run(t: Test, directory: string): Promise<Hangdog> {
  const port = String(await freePort())
  const options = ['--name', 'web', '--timeout', '6s']
  const running = runService(t, options, [process.execPath, fixture('web.mjs')], directory, { PORT: port })
  await running.event('service-armed')
  return running
}

t.test('the gaps of a real service are counted, kept, and counted on by the next hangdog', async (t) => {
  const directory = stateDirectory(t)
  const first = await run(t, directory)
  const live = await untilCounted(t, directory, 3)
  t.match(live, { instance: 'web', finding: 'too-little' })
  const mean = live.channels[0]?.gaps.meanMs ?? 0
  t.ok(mean >= 400 && mean < 6000, `the preload beats every 500 ms with this limit, seen ${mean}`)
  await first.end()

  const disk = await untilCounted(t, directory, 3)
  t.equal(disk.instance, null)
  const kept = disk.channels[0]?.gaps.count ?? 0
  t.ok(kept >= (live.channels[0]?.gaps.count ?? 0))
  const text = await hangdog(t, ['advise', '--state-dir', directory])
  t.match(text.stdout, /^web \(not watched now\): Too little was seen to propose a limit/)

  const second = await run(t, directory)
  t.match(await untilCounted(t, directory, kept + 1), { instance: 'web' })
  t.notOk(second.has('gaps-damaged'))
  await second.end()
})

t.test('a torn file is set aside by the next hangdog, which counts anew', async (t) => {
  const directory = stateDirectory(t)
  const first = await run(t, directory)
  await untilCounted(t, directory, 2)
  await first.end()
  truncateSync(join(directory, 'gaps', 'web.json'), 50)

  const second = await run(t, directory)
  t.match((await second.event('gaps-damaged')).parameters, { reason: /not whole/ })
  t.match(await untilCounted(t, directory, 1), { instance: 'web' })
  await second.end()
  t.strictSame(readdirSync(join(directory, 'gaps')).sort(), ['web.json', 'web.json.damaged'])
})

t.test('what cannot be advised on has its exit code', async (t) => {
  const directory = stateDirectory(t)
  const nothing = await hangdog(t, ['advise', '--state-dir', directory])
  t.equal(nothing.code, 69)
  const running = await run(t, directory)
  const unknown = await hangdog(t, ['advise', 'wbe', '--state-dir', directory])
  t.equal(unknown.code, 64)
  t.match(unknown.stderr, /cannot find service "wbe": expected one of web/)
  await running.end()
})
