import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type History, openHistory } from '../../src/event/history.js'
import { encodeLine } from '../../src/event/history-line.js'
import { systemClock } from '../../src/system-clock.js'
import { seconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { collectEmitted, critical, information, readTexts, subdirectory, temporaryDirectory } from './events.js'

function open(directory: string, rest: Partial<Parameters<typeof openHistory>[0]> = {}): History {
  return openHistory({ directory, instance: 'web', clock: systemClock, report: () => {}, ...rest })
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/event/${name}`, import.meta.url))
}

t.test('events are on disk after a flush, in the order they were recorded', async (t) => {
  const directory = temporaryDirectory(t)
  const history = open(directory)
  const wanted: string[] = []
  for (let number = 0; number < 500; number += 1) {
    history.record(number % 7 === 0 ? critical(String(number)) : information(String(number)))
    wanted.push(String(number))
  }
  await history.flush()
  t.strictSame(await readTexts(directory), wanted)
  await history.close()
})

t.test('the file is for its owner alone, and its lines are JSON for any other reader', async (t) => {
  const directory = temporaryDirectory(t)
  const history = open(directory)
  history.record(information('ünï\u2028 "code"\n'))
  await history.close()
  const path = join(directory, 'web.jsonl')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.match(JSON.parse(readFileSync(path, 'utf8')), {
    id: 15806,
    service: 'web',
    parameters: { text: 'ünï\u2028 "code"\n' },
  })
  t.strictSame(await readTexts(directory), ['ünï\u2028 "code"\n'])
})

t.test('a history that was cut off at any byte is read up to there and written on', async (t) => {
  const directory = temporaryDirectory(t)
  const lines = ['one', 'zwei ü', 'three'].map((text) => encodeLine(information(text)))
  const whole = Buffer.from(lines.join(''))
  const ends = lines.map((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join('')))
  for (let length = 0; length <= whole.length; length += 1) {
    const at = subdirectory(directory)
    writeFileSync(join(at, 'web.jsonl'), whole.subarray(0, length))
    // A line of which only the newline is missing is whole.
    const wholeLines = ends.filter((end) => length >= end - 1).length
    const torn = !ends.some((end) => length === end || length === end - 1) && length > 0
    const emitted = collectEmitted()
    const history = open(at, { report: emitted.emit })
    history.record(information('after'))
    await history.close()
    const texts = await readTexts(at)
    const wanted = [...['one', 'zwei ü', 'three'].slice(0, wholeLines), 'after']
    if (JSON.stringify(texts) !== JSON.stringify(wanted)) t.strictSame(texts, wanted, `cut off at byte ${length}`)
    if (emitted.of('history-torn').length !== Number(torn)) t.fail(`cut off at byte ${length}: torn is ${torn}`)
    rmSync(at, { recursive: true })
  }
  t.pass(`${whole.length + 1} lengths were tried`)
})

t.test(
  'kill -9 at any time loses nothing that was synced, and never a readable history',
  { timeout: 240_000 },
  async (t) => {
    const directory = temporaryDirectory(t)
    const synced: string[] = []
    const runOnce = (run: string, instance: string): Promise<void> =>
      new Promise((resolve) => {
        const child = spawn(
          process.execPath,
          [...process.execArgv, fixture('write-events.ts'), directory, instance, run],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        )
        let text = ''
        child.stdout.on('data', (chunk: Buffer) => {
          // Killed some time after it began to write.
          if (text === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * 40)
          text += chunk.toString()
        })
        child.on('close', () => {
          synced.push(...text.split('\n').slice(0, -1))
          resolve()
        })
      })
    const repeat = async (instance: string): Promise<void> => {
      for (let run = 0; run < 12; run += 1) await runOnce(`${instance}${run}`, instance)
    }
    await Promise.all(['one', 'two'].map(repeat))
    const found = new Set(await readTexts(directory, { level: 'critical' }))
    t.ok(synced.length > 24, `${synced.length} synced`)
    t.strictSame(
      synced.filter((text) => !found.has(text)),
      [],
    )
    // Of each run an unbroken beginning is there.
    const numbers = new Map<string, number[]>()
    for (const text of await readTexts(directory, { id: 15806 })) {
      const [run = '', number = ''] = text.split(':')
      numbers.set(run, [...(numbers.get(run) ?? []), Number(number)])
    }
    t.equal(numbers.size, 24)
    for (const [run, seen] of numbers)
      t.ok(
        seen.every((number, index) => number === index),
        `run ${run} has no gap`,
      )
    t.ok(
      readdirSync(directory).some((name) => name.includes('~')),
      'it was rotated',
    )
  },
)

t.test('on a full disk events wait, and are written when there is room', async (t) => {
  const directory = temporaryDirectory(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'hangdog-test', directory], { stdio: 'ignore' })
  } catch {
    t.comment('not tested: a small file system can only be mounted by root')
    return
  }
  t.teardown(() => execFileSync('umount', [directory]))
  const clock = new FakeClock()
  const emitted = collectEmitted()
  const history = open(directory, { report: emitted.emit, clock })
  history.record(information('before'))
  await history.flush()
  writeFileSync(join(directory, 'ballast'), Buffer.alloc(215_000))
  const wanted = ['before']
  for (let number = 0; number < 100; number += 1) {
    const text = `${number}:${'x'.repeat(400)}`
    wanted.push(text)
    history.record(number === 50 ? critical(text) : information(text))
    if (number % 10 === 0) await history.flush()
  }
  await history.flush()
  t.match(emitted.of('sink-failed'), [{ parameters: { error: /ENOSPC/, count: 0 } }], 'it was said once')
  const fitted = await readTexts(directory)
  t.ok(fitted.length > 1 && fitted.length < 90, `${fitted.length} fit`)
  t.ok(
    fitted.every((text, index) => text === wanted[index]),
    'what fits is there',
  )
  unlinkSync(join(directory, 'ballast'))
  clock.advance(30_000)
  await history.flush()
  t.equal((await readTexts(directory)).join(), wanted.join(), 'nothing was lost, nothing is there twice')
  t.match(emitted.of('sink-recovered'), [{ parameters: { count: 0 } }])
  await history.close()
})

t.test('when more waits than can be kept the oldest is lost, counted and told', async (t) => {
  const directory = join(temporaryDirectory(t), 'later')
  const clock = new FakeClock()
  const emitted = collectEmitted()
  const history = open(directory, { report: emitted.emit, clock })
  history.record(information('first'))
  await history.flush()
  t.match(emitted.of('sink-failed'), [{ parameters: { error: /ENOENT/ } }])
  for (let number = 0; number < 30_000; number += 1) history.record(information(`${number}`))
  mkdirSync(directory)
  await history.flush()
  const texts = await readTexts(directory)
  t.equal(texts.at(-1), '29999')
  t.ok(texts.length > 5_000 && texts.length < 30_000, `${texts.length} kept`)
  t.strictSame(emitted.of('sink-recovered'), [
    {
      name: 'sink-recovered',
      parameters: { sink: `the history ${join(directory, 'web.jsonl')}`, count: 30_001 - texts.length },
    },
  ])
  await history.close()
})

t.test('a limit on the size of files is an error like any other', async (t) => {
  const directory = temporaryDirectory(t)
  const reports = execFileSync(process.execPath, [...process.execArgv, fixture('fill-history.ts'), directory], {
    encoding: 'utf8',
  })
  t.match(JSON.parse(reports), [/^sink-failed .*EFBIG/])
  const texts = await readTexts(directory)
  t.ok(texts.length > 10, `${texts.length} fit`)
})

t.test('a directory that cannot be written to is told once, and nothing throws', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'web.jsonl')
  mkdirSync(path)
  const emitted = collectEmitted()
  const history = open(directory, { report: emitted.emit })
  for (let number = 0; number < 50; number += 1) history.record(critical(`${number}`))
  await history.flush()
  await history.close()
  t.match(emitted.of('sink-failed'), [{ parameters: { error: /EISDIR/ } }])
})

t.test('a file that reaches its size is rotated, and so is one of old events', async (t) => {
  const directory = temporaryDirectory(t)
  const clock = new FakeClock()
  const rotation = { maxBytes: 2_000, maxAge: seconds(60) }
  const history = open(directory, { clock, rotation })
  const wanted: string[] = []
  for (let number = 0; number < 40; number += 1) {
    wanted.push(`${number}`)
    history.record(information(`${number}`, clock.wallNow()))
    await history.flush()
    clock.advance(1)
  }
  const bySize = readdirSync(directory).length
  t.ok(bySize > 3, `${bySize} files`)
  clock.advance(61_000)
  history.record(information('old', clock.wallNow()))
  await history.close()
  t.equal(readdirSync(directory).length, bySize + 1)
  t.strictSame(await readTexts(directory), [...wanted, 'old'])
})

t.test('a file that was removed while it was written to is made again', async (t) => {
  const directory = temporaryDirectory(t)
  const history = open(directory)
  history.record(information('one'))
  await history.flush()
  unlinkSync(join(directory, 'web.jsonl'))
  history.record(information('two'))
  await history.close()
  t.strictSame(await readTexts(directory), ['two'])
})

t.test('two instances write side by side and are read as one', async (t) => {
  const directory = temporaryDirectory(t)
  const [one, two] = [open(directory, { instance: 'one' }), open(directory, { instance: 'two' })]
  const start = Date.now()
  const wanted: string[] = []
  for (let number = 0; number < 200; number += 1) {
    const writer = number % 3 === 0 ? one : two
    writer.record(information(`${number}`, new Date(start + number)))
    wanted.push(`${number}`)
  }
  await Promise.all([one.close(), two.close()])
  t.strictSame(await readTexts(directory), wanted)
})

t.test('a bad instance name is refused', (t) => {
  for (const instance of ['', '.', '../x', 'a/b', 'a~b', 'x'.repeat(65)]) {
    t.throws(() => open('/nowhere', { instance }), { code: 'usage' }, `"${instance}"`)
  }
  t.end()
})

t.test('a line too long to be read back is not written', async (t) => {
  const directory = temporaryDirectory(t)
  const emitted = collectEmitted()
  const history = open(directory, { report: emitted.emit })
  history.record(information('x'.repeat(100_000)))
  history.record(information('short'))
  await history.close()
  t.strictSame(await readTexts(directory), ['short'])
  t.match(emitted.of('sink-failed'), [{ parameters: { count: 1 } }])
})
