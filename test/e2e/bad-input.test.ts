import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hangdog, stateDirectory } from './hangdog.js'

/** Each: what is given, the exit code, what the one error says. `DIR` stands for a state directory that must stay as it was. */
const commandLines: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['an unknown flag', ['run', '--tiemout', '6s', '--', 'sleep', '1'], 64, /unknown option '--tiemout'/],
  ['an unknown command', ['rum', '--', 'sleep', '1'], 64, /unknown command 'rum'/],
  [
    'a bad duration',
    ['run', '--timeout', '6', '--', 'sleep', '1'],
    64,
    /--timeout "6": expected a duration such as 500ms/,
  ],
  ['a negative duration', ['run', '--timeout', '-6s', '--', 'sleep', '1'], 64, /--timeout/],
  ['a duration that is too short', ['run', '--timeout', '1ms', '--', 'sleep', '1'], 78, /at least 20ms, not 1ms/],
  [
    'action 4',
    ['run', '--action', '4', '--', 'sleep', '1'],
    64,
    /--action "4": expected 0 to 3, or one of disable, log/,
  ],
  ['a missing command', ['run', '--timeout', '6s'], 64, /missing required argument 'command'/],
  [
    'a bad restart mode',
    ['run', '--restart', 'sometimes', '--', 'sleep', '1'],
    64,
    /Allowed choices are always, on-failure, never/,
  ],
  ['a bad heartbeat source', ['run', '--heartbeat', 'telepathy', '--', 'sleep', '1'], 64, /telepathy/],
  ['a bad notify access', ['run', '--notify-access', 'some', '--', 'sleep', '1'], 64, /main, all/],
  ['a bad signal', ['run', '--terminate-signal', 'SIGFOO', '--', 'sleep', '1'], 64, /SIGFOO/],
  ['a bad hold', ['run', '--hold', 'bored=1s', '--', 'sleep', '1'], 64, /--hold "bored=1s": expected REASON=DURATION/],
  ['a bad percentage', ['run', '--warning-percent', '120', '--', 'sleep', '1'], 64, /from 0 to 99/],
  ['a bad name', ['run', '--name', '../x', '--', 'sleep', '1'], 64, /\.\.\/x/],
  [
    'a watch of hangdog that is too strict',
    ['run', '--watch-hangdog', '4s', '--', 'sleep', '1'],
    64,
    /a limit of 5s or/,
  ],
  [
    'a watch of hangdog with another action',
    ['run', '--watch-hangdog', '9s:panic', '--', 'sleep', '1'],
    64,
    /--watch-hangdog "9s:panic": expected LIMIT or LIMIT:ACTION with log, terminate, bugcheck/,
  ],
  ['a command that is not there', ['run', '--', 'nodde-not-there'], 69, /"nodde-not-there"/],
  ...(existsSync('/dev/hangdog')
    ? []
    : ([
        [
          'a watch by a kernel module that is not loaded',
          ['run', '--name', 'server', '--kernel-watch', '--', 'sleep', '1'],
          69,
          /cannot have the kernel watch service "server": (the kernel module hangdog is not loaded|the addon)/,
        ],
        [
          'a watch of hangdog by a kernel module that is not loaded',
          ['run', '--name', 'server', '--watch-hangdog', '10s:log', '--', 'sleep', '1'],
          69,
          /cannot have the kernel watch hangdog itself: (the kernel module hangdog is not loaded|the addon|.*native)/,
        ],
      ] as const)),
  ['a status of nobody', ['status'], 69, /no hangdog|not running|no live/i],
  ['an unknown property', ['prop', 'set', 'BugCheckConsen=1'], 64, /BugCheckConsent/],
  ['a bad property value', ['prop', 'set', 'BugCheckConsent=yes'], 64, /expected 0 to 1, not "yes"/],
  ['a file that is not there', ['supervise', '--config', '/nowhere/hangdog.yaml'], 78, /there is no such file/],
]

for (const [title, args, code, message] of commandLines) {
  t.test(`${title} is one error with code ${code}`, async (t) => {
    const directory = stateDirectory(t)
    const [command = '', ...rest] = args
    const needsDirectory = command === 'run' || command === 'status' || command === 'supervise'
    const given =
      command === 'prop'
        ? [...args, '--state-dir', directory]
        : needsDirectory
          ? [command, '--state-dir', directory, ...rest]
          : args
    const done = await hangdog(t, given)
    t.equal(done.code, code)
    t.match(done.stderr, message)
    t.notMatch(done.stderr, /\n\s+at /, 'no stack trace')
    t.equal(done.stdout, '')
    const left = existsSync(join(directory, 'incidents')) ? readdirSync(join(directory, 'incidents')) : []
    t.same(left, [], 'nothing is left behind')
  })
}

t.test('a file that may not be executed', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'plain.txt')
  writeFileSync(file, 'hello')
  chmodSync(file, 0o644)
  const done = await hangdog(t, ['run', '--state-dir', directory, '--', file])
  t.equal(done.code, 77)
  t.match(done.stderr, /plain\.txt/)
})

const files: readonly [string, string, RegExp][] = [
  [
    'a misspelt key',
    'services: { web: { command: [a], heartbeatTimeot: 6s } }',
    /services\.web: unknown key "heartbeatTimeot"; expected one of/,
  ],
  [
    'a misspelt key in restart',
    'services: { web: { command: [a], restart: { mod: always } } }',
    /services\.web\.restart: unknown key "mod"; expected one of mode/,
  ],
  ['a misspelt top key', 'service: { web: { command: [a] } }', /unknown key "service"|services/],
  [
    'a wrong type',
    'services: { web: { command: "node server.js" } }',
    /services\.web\.command: expected array.*found string/,
  ],
  [
    'a number without a unit',
    'services: { web: { command: [a], heartbeatTimeout: 6 } }',
    /services\.web\.heartbeatTimeout: .*found number 6/,
  ],
  ['action 4', 'services: { web: { command: [a], action: 4 } }', /services\.web\.action/],
  ['no services', 'services: {}', /at least one service/],
  ['what is not YAML', 'services: [', /cannot use the configuration/],
  ['a bad service name', 'services: { "a/b": { command: [a] } }', /services/],
  ['a bad heartbeat', 'services: { web: { command: [a], heartbeat: smoke } }', /smoke/],
]

for (const [title, text, message] of files) {
  t.test(`a configuration with ${title}`, async (t) => {
    const directory = stateDirectory(t)
    const file = join(directory, 'hangdog.yaml')
    writeFileSync(file, `${text}\n`)
    const state = join(directory, 'state')
    const done = await hangdog(t, ['supervise', '--config', file, '--state-dir', state])
    t.ok(done.code === 78 || done.code === 64, `code ${done.code}`)
    t.match(done.stderr, message)
    t.equal(done.stderr.trim().split('\n').length, 1, 'one line')
    t.notOk(existsSync(state), 'nothing is made')
  })
}

t.test('a state directory that is a file', async (t) => {
  const directory = stateDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'x')
  const done = await hangdog(t, ['run', '--state-dir', file, '--', 'sleep', '1'])
  t.equal(done.code, 73)
  t.match(done.stderr, /state directory/)
})

t.test('a state directory on a read-only file system, and on a full one', async (t) => {
  const directory = stateDirectory(t)
  for (const [name, options] of [
    ['read-only', 'ro,size=64k'],
    ['full', 'size=64k,nr_inodes=2'],
  ] as const) {
    const mountPoint = join(directory, name)
    mkdirSync(mountPoint)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mountPoint], { stdio: 'ignore' })
    } catch {
      t.comment(`skipped: no right to mount a tmpfs here, so ${name} was not tried`)
      continue
    }
    try {
      const done = await hangdog(t, ['run', '--state-dir', join(mountPoint, 'state'), '--', 'sleep', '1'])
      t.equal(done.code, 73, name)
      t.match(done.stderr, /state/)
      t.same(readdirSync(mountPoint), [], 'nothing is left behind')
    } finally {
      execFileSync('umount', [mountPoint])
    }
  }
})

t.test('a socket path that is too long', async (t) => {
  const directory = join(stateDirectory(t), 'd'.repeat(60), 'e'.repeat(40))
  const done = await hangdog(t, ['run', '--state-dir', directory, '--', 'sleep', '1'])
  t.equal(done.code, 73)
  t.match(done.stderr, /107/)
})

t.test('a history that was damaged is read past, and that is said', async (t) => {
  const directory = stateDirectory(t)
  await hangdog(t, ['run', '--state-dir', directory, '--name', 'x', '--', 'true'])
  const file = join(directory, 'events', 'x.jsonl')
  execFileSync('sh', ['-c', `head -c 300 /dev/urandom >> ${file}; printf '\\n' >> ${file}`])
  const done = await hangdog(t, ['events', '--state-dir', directory, '--json'])
  t.equal(done.code, 0)
  t.match(done.stdout, /service-started/)
  t.match(done.stderr, /damaged|torn/)
})
