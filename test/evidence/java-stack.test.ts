import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { parseJavaDump } from '../../src/evidence/java-dump.js'
import { javaMemoryCollector, parseCounters } from '../../src/evidence/java-memory.js'
import { createJavaStackCollector } from '../../src/evidence/java-stack.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import {
  contentOf,
  fixture,
  type HungService,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'
import { buildJava, makeFolder, needs } from '../fixtures/evidence/program.js'

const limit = milliseconds(15_000)
const never = new AbortController().signal
const waiting = { kind: 'waiting', waitChannel: 'futex_wait_queue' } as const
const skip = needs('java', 'javac')
const classes = skip === false ? buildJava(makeFolder(t), ['TwoLocks', 'BusyLoop', 'NearHeapLimit', 'DeepStack']) : ''
const small = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-cp', classes]

function startJava(t: Parameters<typeof startHung>[0], ...args: readonly string[]): Promise<HungService> {
  return startHung(t, 'java', [...small, ...args], { settleMs: 400 })
}

function capture(service: HungService, platform = recordingSignaller()): Promise<readonly Exhibit[]> {
  return createEvidenceCollector({ clock: realClock, platform }).capture(requestFor(service, 15_000))
}

t.test('two Java threads that wait for each other are a deadlock with classes and lines', { skip }, async (t) => {
  const service = await startJava(t, 'TwoLocks')
  const platform = recordingSignaller()
  const exhibits = await capture(service, platform)
  const side = (here: string, there: string) =>
    `thread "${here}" holds java\\.lang\\.Object 0x[0-9a-f]+ and waits in TwoLocks\\.transfer\\(TwoLocks\\.java:16\\) for java\\.lang\\.Object 0x[0-9a-f]+, which thread "${there}" holds`
  t.match(
    describeCause(waiting, exhibits),
    new RegExp(
      `^deadlock: (${side('payer', 'clerk')}; ${side('clerk', 'payer')}|${side('clerk', 'payer')}; ${side('payer', 'clerk')})$`,
    ),
  )
  t.match(contentOf(exhibits, 'java-stack'), { machine: /VM/, stacks: [/^Found one Java-level deadlock/] })
  t.strictSame(platform.sent, [{ pid: service.pid, signal: 'SIGQUIT' }])
  t.strictSame(service.lines, ['hung'], 'nothing is printed on its output')
  t.notOk(existsSync(`/tmp/.attach_pid${service.pid}`), 'the request is taken back')
  t.notOk(exhibits.find(({ name }) => name === 'native-stack'))
  await capture(service, platform)
  t.equal(platform.sent.length, 1, 'a machine that listens is not signalled again')
  t.equal(service.child.exitCode, null)
})

t.test('a busy Java thread is named with what it runs', { skip }, async (t) => {
  const service = await startJava(t, 'BusyLoop')
  t.match(
    describeCause({ kind: 'busy-loop', cpuPercent: 100 }, await capture(service)),
    // On a loaded machine it may get no CPU while it is looked at.
    /^busy(: thread "main" in BusyLoop\.spin\(BusyLoop\.java:6\), on CPU \d+ %; process on CPU 100 %|, process on CPU 100 %, but no thread had a CPU when looked at; thread "main" is in BusyLoop\.spin\(BusyLoop\.java:6\) \(RUNNABLE\))$/,
  )
})

t.test('a heap near its limit is named as the cause', { skip }, async (t) => {
  const service = await startJava(t, '-Xmx48m', 'NearHeapLimit')
  t.match(
    describeCause({ kind: 'busy-loop', cpuPercent: 100 }, await capture(service)),
    /^Java heap near its limit: garbage collection took \d+ % of \d\.\d s \(\d+ collections\) and leaves \d+\.\d of \d+\.\d MiB in use$/,
  )
})

t.test('a stack of 10,000 frames is cut, and the rest of the dump is there', { skip }, async (t) => {
  const service = await startJava(t, '-Xss64m', 'DeepStack')
  const content = contentOf(await capture(service), 'java-stack')
  t.match(content, {
    main: { frames: ['java.lang.Thread.sleep(Native Method)', /^DeepStack\.descend\(DeepStack\.java:\d+\)$/] },
  })
  t.ok(Array.isArray(content.stacks) && content.stacks.length <= 1500)
})

t.test('SIGQUIT is not sent to a Java machine that would end by it', { skip }, async (t) => {
  const service = await startJava(t, '-Xrs', 'TwoLocks')
  const platform = recordingSignaller()
  const finding = await createJavaStackCollector(platform).collect(requestFor(service, 15_000), limit, never)
  t.strictSame(finding, { kind: 'missing', reason: 'it does not catch SIGQUIT (-Xrs), which would end it' })
  t.strictSame(platform.sent, [])
})

t.test('SIGQUIT is not sent to a program that only looks like Java', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const platform = recordingSignaller()
  const finding = await createJavaStackCollector(platform).collect(requestFor(service, 15_000), limit, never)
  t.match(finding, { kind: 'missing', reason: /does not catch SIGQUIT/ })
  const python = await startHung(t, 'python3', [fixture('catches-sigquit.py')])
  const other = await createJavaStackCollector(platform).collect(requestFor(python, 15_000), limit, never)
  t.match(other, { kind: 'missing', reason: 'it has no thread that serves SIGQUIT' })
  t.strictSame(platform.sent, [])
})

t.test('a machine that does not answer within the limit is said to', { skip }, async (t) => {
  const service = await startJava(t, '-XX:+DisableAttachMechanism', 'TwoLocks')
  const finding = await createJavaStackCollector(recordingSignaller()).collect(
    requestFor(service, 900),
    milliseconds(900),
    never,
  )
  t.match(finding, { kind: 'missing', reason: /^the Java machine did not answer the attach request within \d+ ms$/ })
  t.notOk(existsSync(`/tmp/.attach_pid${service.pid}`))
  t.equal(service.child.exitCode, null)
})

t.test('a stopped machine is not asked, and a machine that ends meanwhile leaves a sentence', { skip }, async (t) => {
  const service = await startJava(t, 'TwoLocks')
  const collector = createJavaStackCollector(recordingSignaller())
  service.child.kill('SIGSTOP')
  await until(() => stateOf(service.pid) === 'T', 'the stop')
  t.match(await collector.collect(requestFor(service, 15_000), limit, never), { kind: 'missing', reason: /state T/ })
  service.child.kill('SIGCONT')
  const finding = collector.collect(requestFor(service, 15_000), limit, never)
  service.child.kill('SIGKILL')
  t.match(await finding, { kind: 'missing', reason: /\w+ \w+/ })
})

t.test('a file in place of the attach socket is not written to', { skip }, async (t) => {
  const service = await startJava(t, 'TwoLocks')
  const trap = `/tmp/.java_pid${service.pid}`
  writeFileSync(trap, 'mine')
  t.teardown(() => rmSync(trap, { force: true }))
  const platform = recordingSignaller()
  const finding = await createJavaStackCollector(platform).collect(requestFor(service, 15_000), limit, never)
  t.strictSame(finding, { kind: 'missing', reason: 'its attach socket is not its own' })
  rmSync(trap)
  const folder = makeFolder(t)
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere/file'), `/tmp/.attach_pid${service.pid}`)
  t.teardown(() => rmSync(`/tmp/.attach_pid${service.pid}`, { force: true }))
  await createJavaStackCollector(platform).collect(requestFor(service, 900), milliseconds(900), never)
  t.strictSame(readdirSync(join(folder, 'elsewhere')), [], 'no file is made through a link')
})

t.test(
  'a Java machine of another user and mount namespace is asked in its own /tmp',
  { skip: skip || needsRoot() },
  async (t) => {
    const script = `mount -t tmpfs none /tmp && exec setpriv --reuid 65534 --regid 65534 --clear-groups java ${small.slice(0, 3).join(' ')} -cp /classes TwoLocks`
    const bind = `mkdir -p /classes && mount --bind ${classes} /classes`
    t.teardown(() => rmSync('/classes', { recursive: true, force: true }))
    const service = await startHung(
      t,
      'unshare',
      ['-m', '--propagation', 'private', 'sh', '-c', `${bind} && ${script}`],
      { settleMs: 400 },
    )
    const exhibits = await capture(service)
    t.match(contentOf(exhibits, 'java-stack'), { deadlocks: [[{ at: 'TwoLocks.transfer(TwoLocks.java:16)' }]] })
    t.notOk(existsSync(`/tmp/.java_pid${service.pid}`))
  },
)

function needsRoot(): string | false {
  return process.getuid?.() === 0 ? needs('unshare', 'setpriv') : 'it needs root'
}

t.test('what a program that calls itself Java makes up is read in no time', async (t) => {
  const start = performance.now()
  parseJavaDump('"'.repeat(4_000_000))
  parseJavaDump(`Found one Java-level deadlock:\n${'which is held by "'.repeat(200_000)}`)
  // Its patterns took minutes for each of these.
  t.ok(performance.now() - start < 10_000)
  t.match(parseJavaDump('"a "b" nid=c" #12 prio=5 nid=0x1f waiting on condition\n').threads, [
    { name: 'a "b" nid=c', tid: 31 },
  ])
})

t.test('counters with names as long as their memory are left out', async (t) => {
  const bytes = Buffer.alloc(1 << 20, 'x')
  bytes.writeUInt32BE(0xcafec0c0, 0)
  bytes.set([1, 2], 4)
  bytes.writeInt32LE(32, 24)
  bytes.writeInt32LE(5000, 28)
  for (let at = 32, index = 0; index < 5000; index++, at += 20) {
    for (const [offset, value] of [20, 200_000, 0, 0x4a, 0].entries()) bytes.writeInt32LE(value, at + 4 * offset)
  }
  t.strictSame(parseCounters(bytes), new Map())
})

t.test('counters that are not those of HotSpot are not read', async (t) => {
  t.equal(parseCounters(Buffer.alloc(10)), undefined)
  t.equal(parseCounters(Buffer.alloc(4096)), undefined)
  const broken = Buffer.alloc(4096, 0xff)
  broken.writeUInt32BE(0xcafec0c0, 0)
  broken[4] = 1
  broken[5] = 2
  t.strictSame(parseCounters(broken), new Map())
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  t.match(await javaMemoryCollector.collect(requestFor(service, 5000), limit, never), {
    kind: 'missing',
    reason: /keeps no counters/,
  })
})
