import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { list } from 'tar'
import { incidentCommand } from '../../src/cli/incident.js'
import { writeArchive } from '../../src/incident/archive.js'
import { createIncidentLog } from '../../src/incident/incident-log.js'
import { systemClock } from '../../src/system-clock.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import { runCommand } from '../cli/support.js'
import { temporaryState } from '../control/support.js'

const secrets = [
  'hunter2secret',
  'AKIAIOSFODNN7EXAMPLE',
  'topsecretword',
  'Q29uZ3JhdHM6c2VjcmV0',
  'pa55phrase!',
  'in-env-9',
]

const captured = (name: string, content: unknown): Exhibit => ({ kind: 'captured', name, tookMs: 1, content })

async function hostileIncident(state: string): Promise<string> {
  const log = createIncidentLog({
    directory: join(state, 'incidents'),
    clock: systemClock,
    hangdogVersion: '1',
    failed: (_, error) => t.fail(error),
  })
  t.teardown(() => log.close())
  const record = await log.open({
    service: 'web',
    command: 'node web.js --password topsecretword',
    pid: 42,
    channel: 'main',
    limitMs: 6000,
    silentMs: 6100,
    action: 'terminate',
    hang: { kind: 'busy-loop', cpuPercent: 99 },
  })
  await record.attach([
    captured('cause', 'it waits for https://me:hunter2secret@db/'),
    captured('process', { commandLine: ['node', '--password', 'topsecretword'], environ: { X: 'in-env-9' } }),
    captured('native-stack', { stacks: ['#0 login (password=0x7ff "pa55phrase!") at a.c:3'] }),
    captured('output', [
      `${'x'.repeat(108)} AKIAIOSFODNN7EXAMPLE`,
      '\u001b[2J Authorization: Basic Q29uZ3JhdHM6c2VjcmV0',
      '\u0000\u0001\ufffd',
    ]),
    captured('x\u202e/../../y', { deep: [{ token: 'Q29uZ3JhdHM6c2VjcmV0' }] }),
    { kind: 'missing', name: 'heap', tookMs: 1, reason: 'no answer from http://u:hunter2secret@h:1/x' },
  ])
  await record.step('asked http://u:hunter2secret@h:1/ to stop')
  await record.close('terminated')
  return record.id
}

const exported = async (state: string, id: string, ...more: readonly string[]) =>
  await runCommand(incidentCommand, ['incident', 'export', id, '--state-dir', state, ...more])

/** Names and texts of what is in an archive, read by the library; and the system's tar must agree. */
function unpack(path: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  list({
    file: path,
    sync: true,
    onReadEntry: (entry) => {
      const chunks: Buffer[] = []
      entry.on('data', (chunk: Buffer) => chunks.push(chunk))
      entry.on('end', () => files.set(entry.path, Buffer.concat(chunks).toString('utf8')))
    },
  })
  const names = execFileSync('tar', ['tzf', path], { encoding: 'utf8' }).trim().split('\n')
  t.strictSame([...files.keys()], names)
  return files
}

function place(t: Test): { readonly state: string; readonly file: string } {
  const state = temporaryState(t)
  return { state, file: join(state, 'out.tar.gz') }
}

t.test('an export has no planted secret in it, and says what was removed and where, but not what', async (t) => {
  const { state, file } = place(t)
  const id = await hostileIncident(state)
  const { stdout } = await exported(state, id, '-o', file)
  t.equal(stdout.text, `${file}\n`)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const whole = gunzipSync(readFileSync(file)).toString('latin1')
  for (const secret of secrets) t.notOk(whole.includes(secret), secret)
  const files = unpack(file)
  const redacted = files.get(`${id}/REDACTED.txt`) ?? ''
  for (const expected of [
    /^incident\.json: command: password$/m,
    /^evidence\/02-process\.json: commandLine\[2\]: password$/m,
    /^evidence\/02-process\.json: environ: environment$/m,
    /^evidence\/01-cause\.txt: line 1: url-credentials$/m,
    /^evidence\.jsonl: line 6, reason: url-credentials$/m,
    /^steps\.jsonl: line 1, text: url-credentials$/m,
  ]) {
    t.match(redacted, expected)
  }
  const readMe = files.get(`${id}/README.txt`) ?? ''
  for (const name of files.keys()) {
    if (!name.endsWith('README.txt')) t.ok(readMe.includes(`\n${name.slice(id.length + 1)} `), `README names ${name}`)
  }
  t.match(files.get(`${id}/report.txt`), /Cause\n {2}it waits for https:\/\/\[removed:url-credentials\]@db\//)
  t.notMatch(files.get(`${id}/report.txt`), '\u001b')
})

t.test('the same incident gives the same archive, and no file is written over', async (t) => {
  const { state, file } = place(t)
  const id = await hostileIncident(state)
  await exported(state, id, '-o', file)
  const again = join(state, 'again.tar.gz')
  await exported(state, id, '-o', again)
  t.ok(readFileSync(file).equals(readFileSync(again)))
  await t.rejects(exported(state, id, '-o', file), { code: 'create', message: /there is such a file/ })
  await t.rejects(exported(state, id, '-o', join(state, 'none', 'x.tar.gz')), { code: 'create' })
  t.ok(readFileSync(file).equals(readFileSync(again)), 'untouched')
  t.same(
    readdirSync(state).filter((name) => name.includes('.tmp')),
    [],
  )
})

t.test('core dumps and binary files are in it only when asked for; links and other things never', async (t) => {
  const { state, file } = place(t)
  const id = await hostileIncident(state)
  const directory = join(state, 'incidents', id)
  const core = Buffer.alloc(200_001, 'hunter2secret\0')
  writeFileSync(join(directory, 'core.42'), core)
  writeFileSync(join(directory, 'evidence', 'blob.txt'), Buffer.from([0, 1, 2, 255]))
  writeFileSync(join(state, 'elsewhere'), 'hunter2secret')
  symlinkSync(join(state, 'elsewhere'), join(directory, 'evidence', 'link.txt'))
  execFileSync('mkfifo', [join(directory, 'fifo')])
  const without = await exported(state, id, '-o', file)
  t.match(without.stderr.text, /left out: core\.42: a memory image\n/)
  t.match(without.stderr.text, /left out: evidence\/blob\.txt: binary data\n/)
  const names = [...unpack(file).keys()].join('\n')
  t.notMatch(names, /core|blob|link|fifo/)
  t.notOk(gunzipSync(readFileSync(file)).includes('hunter2secret'))
  rmSync(file)
  const withCore = await exported(state, id, '-o', file, '--with-core')
  t.match(withCore.stderr.text, /memory or binary data as it is, secrets included: core\.42, evidence\/blob\.txt/)
  t.ok(gunzipSync(readFileSync(file)).includes(core))
  t.notMatch([...unpack(file).keys()].join('\n'), /link|fifo/)
})

t.test('output with broken characters is text: it is exported, without its secrets', async (t) => {
  const { state, file } = place(t)
  const id = await hostileIncident(state)
  const output = ['latin \ufffdt\ufffd \u0000\u001b[2J', 'password=topsecretword']
  writeFileSync(join(state, 'incidents', id, 'evidence', 'latin.json'), JSON.stringify(output))
  await exported(state, id, '-o', file)
  const text = unpack(file).get(`${id}/evidence/latin.json`) ?? ''
  t.match(JSON.parse(text), [output[0], 'password=[removed:password]'])
})

t.test('a torn record is exported as it is found, without its secrets', async (t) => {
  const { state, file } = place(t)
  const id = await hostileIncident(state)
  const directory = join(state, 'incidents', id)
  const whole = readFileSync(join(directory, 'incident.json'), 'utf8')
  writeFileSync(join(directory, 'incident.json'), whole.slice(0, whole.indexOf('topsecretword') + 14))
  await exported(state, id, '-o', file)
  const files = unpack(file)
  t.notOk(files.has(`${id}/report.txt`))
  t.match(files.get(`${id}/README.txt`), /is damaged, so there is no report\.txt/)
  for (const secret of secrets) t.notOk(gunzipSync(readFileSync(file)).includes(secret), secret)
})

t.test('an id that none has makes no file', async (t) => {
  const { state, file } = place(t)
  await t.rejects(exported(state, 'nope', '-o', file), { code: 'usage' })
  t.notOk(existsSync(file))
})

t.test('an archive that is interrupted, or whose file shrinks meanwhile, leaves nothing torn', async (t) => {
  const { state, file } = place(t)
  const controller = new AbortController()
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; ; count++) {
      if (count === 3) controller.abort()
      yield Buffer.alloc(1000)
    }
  }
  const entry = { kind: 'file', path: 'a', size: 1e12, read: endless } as const
  const at = new Date(0)
  await t.rejects(writeArchive(file, [entry], { at, signal: controller.signal }), { message: /interrupted/ })
  t.same(
    readdirSync(state).filter((name) => name.startsWith('out.')),
    [],
  )
  const short = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('abc')
  }
  await writeArchive(file, [{ kind: 'file', path: 'a', size: 5, read: short }], { at })
  t.equal(unpack(file).get('a'), 'abc\0\0')
  mkdirSync(join(state, 'directory'))
  await t.rejects(writeArchive(join(state, 'directory'), [], { at }), { code: 'create' })
})
