import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatGapFile } from '../../src/advice/gap-file.js'
import { keepGaps } from '../../src/advice/gap-keeping.js'
import { GapStore } from '../../src/advice/gap-store.js'
import { eventually } from '../control/support.js'
import { beatFor, type Watched, watched } from '../support/watched.js'
import { recordOf } from './support.js'

function temporary(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-gaps-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function kept(w: Watched, directory: string): Promise<{ close(): Promise<void> }> {
  const emit = (event: (typeof w.events)[number]): void => void w.events.push(event)
  return await keepGaps({ supervisor: w.supervisor, store: new GapStore(directory), clock: w.clock, emit })
}

t.test('counting goes on over restarts of hangdog', async (t) => {
  const directory = temporary(t)
  for (const total of [9, 19, 29]) {
    const w = watched()
    const keeping = await kept(w, directory)
    await w.start()
    await beatFor(w, 1000 + 100 * Number(total > 9), 100)
    t.equal(w.supervisor.gaps()[0]?.total, total)
    await keeping.close()
    await keeping.close()
  }
  t.strictSame(readdirSync(directory), ['web.json'])
  const stored = await new GapStore(directory).read('web')
  t.match(stored, { kind: 'kept', records: [{ service: 'web', channel: 'main', total: 29, maxMs: 100 }] })
})

t.test('a service of which nothing was recorded leaves no file', async (t) => {
  const directory = temporary(t)
  const w = watched()
  const keeping = await kept(w, directory)
  await w.start()
  w.service.beat()
  await keeping.close()
  t.strictSame(readdirSync(directory), [])
})

t.test('a torn file is set aside, which is an event, and counting starts anew', async (t) => {
  const directory = temporary(t)
  const file = join(directory, 'web.json')
  const torn = formatGapFile([recordOf()]).slice(0, 100)
  writeFileSync(file, torn)
  const w = watched()
  const keeping = await kept(w, directory)
  t.match(w.events, [
    { name: 'gaps-damaged', service: 'web', parameters: { file, reason: /not whole/, aside: `${file}.damaged` } },
  ])
  t.equal(readFileSync(`${file}.damaged`, 'utf8'), torn, 'nothing of it is lost')
  t.equal(w.supervisor.gaps()[0]?.total, 0)
  await w.start()
  await beatFor(w, 500, 100)
  await keeping.close()
  t.match(await new GapStore(directory).read('web'), { kind: 'kept', records: [{ total: 4 }] })
  t.strictSame(await new GapStore(directory).services(), ['web'], 'what was set aside is no service')
})

t.test('a file of another service or of a newer hangdog is set aside as well', async (t) => {
  for (const text of [formatGapFile([recordOf([[1, 1]], { service: 'db' })]), '{"version":2,"shapes":[]}']) {
    const directory = temporary(t)
    writeFileSync(join(directory, 'web.json'), text)
    const w = watched()
    await kept(w, directory)
    t.same(w.names(), ['gaps-damaged'])
    t.strictSame(readdirSync(directory), ['web.json.damaged'])
  }
})

t.test('it is written ten minutes after the start, and again when node-cron says so', async (t) => {
  const directory = temporary(t)
  const file = join(directory, 'web.json')
  const w = watched()
  const timersBefore = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const keeping = await kept(w, directory)
  await w.start()
  await beatFor(w, 1000, 500)
  w.service.changePolicy({ ...w.service.policy, action: 'disable' })
  w.clock.advance(598_999)
  t.notOk(existsSync(file))
  w.clock.advance(1)
  await eventually(() => existsSync(file), 'the first round')
  t.match(await new GapStore(directory).read('web'), { kind: 'kept', records: [{ total: 1 }] })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const timersAfter = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  t.equal(timersAfter, timersBefore, 'and keeps no process alive')
  await keeping.close()
})

t.test('what cannot be written is one event for all services, and stops nothing', async (t) => {
  const directory = join(temporary(t), 'gone')
  const w = watched()
  const keeping = await kept(w, directory)
  await w.start()
  await beatFor(w, 500, 100)
  await keeping.close()
  t.match(w.events.at(-1), { name: 'gaps-unwritten', parameters: { services: 1, error: /ENOENT/ } })
})

t.test('a disk that does not answer delays the end by its limit only', async (t) => {
  const w = watched()
  class StuckStore extends GapStore {
    override write(): Promise<void> {
      return new Promise(() => {})
    }
  }
  const emit = (event: (typeof w.events)[number]): void => void w.events.push(event)
  const store = new StuckStore(temporary(t))
  const keeping = await keepGaps({ supervisor: w.supervisor, store, clock: w.clock, emit })
  await w.start()
  await beatFor(w, 500, 100)
  const closing = keeping.close()
  await w.clock.run(4999)
  t.notOk(w.names().includes('gaps-unwritten'))
  await w.clock.run(1)
  await closing
  t.match(w.events.at(-1), { name: 'gaps-unwritten', parameters: { services: 1, error: 'not on disk within 5s' } })
})

t.test('a service that was taken out meanwhile is one event, and the others are written', async (t) => {
  const directory = temporary(t)
  const w = watched()
  const { spec } = w.service
  w.supervisor.add({ ...spec, name: 'other' })
  const keeping = await kept(w, directory)
  w.supervisor.remove('other')
  await w.start()
  await beatFor(w, 500, 100)
  await keeping.close()
  t.match(w.events.at(-1), {
    name: 'gaps-unwritten',
    parameters: { services: 1, error: /cannot find service "other"/ },
  })
  t.strictSame(readdirSync(directory), ['web.json'])
})

t.test('a directory that is not there has no services, one that is no directory is an error', async (t) => {
  const root = temporary(t)
  t.strictSame(await new GapStore(join(root, 'none')).services(), [])
  writeFileSync(join(root, 'file'), '')
  await t.rejects(new GapStore(join(root, 'file')).services(), {
    code: 'unavailable',
    message: /cannot read the beat gaps/,
  })
  mkdirSync(join(root, 'gaps', 'web.json'), { recursive: true })
  t.match(await new GapStore(join(root, 'gaps')).read('web'), { kind: 'damaged', reason: /EISDIR/ })
})
