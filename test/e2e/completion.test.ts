import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Hangdog, hangdog, runService, stateDirectory } from './hangdog.js'
import { isInstalled, makeHome, runPlainly, type ShellHome, TypingShell } from './typing-shell.js'

async function prepare(t: Test): Promise<ShellHome> {
  const scripts: Record<string, string> = {}
  for (const [shell, file] of Object.entries({ bash: 'hangdog.bash', zsh: '_hangdog', fish: 'hangdog.fish' })) {
    scripts[file] = (await hangdog(t, ['completion', shell])).stdout
  }
  const home = makeHome(t, scripts)
  mkdirSync(join(home.path, 'some files'))
  writeFileSync(join(home.path, 'hangdog.yaml'), '')
  return home
}

function skipWithout(...commands: readonly string[]): { readonly skip?: string } {
  const missing = commands.filter((command) => !isInstalled(command))
  return missing.length === 0 ? {} : { skip: `${missing.join(' and ')} is not installed` }
}

const interactive: readonly {
  readonly title: string
  readonly shell: 'bash' | 'zsh'
  readonly start: string
  readonly skip?: string
}[] = [
  { title: 'bash', shell: 'bash', start: 'source ./hangdog.bash', ...skipWithout('bash', 'script') },
  {
    title: 'bash with the package bash-completion',
    shell: 'bash',
    start: 'source /usr/share/bash-completion/bash_completion; source ./hangdog.bash',
    ...skipWithout('bash', 'script'),
    ...(existsSync('/usr/share/bash-completion/bash_completion') ? {} : { skip: 'bash-completion is not installed' }),
  },
  { title: 'zsh, sourced', shell: 'zsh', start: 'source ./_hangdog', ...skipWithout('zsh', 'script') },
  {
    title: 'zsh, from a directory of functions',
    shell: 'zsh',
    start: 'fpath=($PWD $fpath); compinit -u -D',
    ...skipWithout('zsh', 'script'),
  },
]

/** What is typed before tab is pressed, and the line after it. */
const typed: readonly (readonly [before: string, after: string])[] = [
  ['hangdog doct', 'hangdog doctor '],
  ['true; hangdog doct', 'true; hangdog doctor '],
  ['hangdog --ver', 'hangdog --version '],
  ['hangdog run --restart=on', 'hangdog run --restart=on-failure '],
  ['hangdog run --hold sto', 'hangdog run --hold stopped='],
  ['hangdog run --heartbeat ht', 'hangdog run --heartbeat http'],
  ['hangdog prop set HangR', 'hangdog prop set HangRecoveryAction='],
  ['hangdog prop set hangrecoverya', 'hangdog prop set HangRecoveryAction='],
  ['hangdog prop set HangRecoveryAction=', 'hangdog prop set HangRecoveryAction='],
  ['hangdog prop set HangRecoveryAction=Clu', 'hangdog prop set HangRecoveryAction=ClussvcHangAction'],
  [
    'hangdog prop set HangRecoveryAction=ClussvcHangActionL',
    'hangdog prop set HangRecoveryAction=ClussvcHangActionLog ',
  ],
  ['hangdog prop set HangRecoveryAction=2:d', 'hangdog prop set HangRecoveryAction=2:dword '],
  ['hangdog prop set HangRecoveryAction=2:', 'hangdog prop set HangRecoveryAction=2:dword '],
  ['hangdog prop set HangRecoveryAction=2 ShadowM', 'hangdog prop set HangRecoveryAction=2 ShadowMode='],
  [
    'hangdog prop set "HangRecoveryAction=ClussvcHangActionL',
    'hangdog prop set "HangRecoveryAction=ClussvcHangActionLog" ',
  ],
  ['hangdog cluster /prop:HangRecoveryA', 'hangdog cluster /prop:HangRecoveryAction '],
  ['hangdog cluster /prop:HangRecoveryAction,ShadowM', 'hangdog cluster /prop:HangRecoveryAction,ShadowMode '],
  ['hangdog cluster /prop:HangRecoveryAction /', 'hangdog cluster /prop:HangRecoveryAction /usedefault '],
  ['hangdog cluster /prop SameSubnetDelay=2000:dw', 'hangdog cluster /prop SameSubnetDelay=2000:dword '],
  ['hangdog supervise --config hangdog.y', 'hangdog supervise --config hangdog.yaml '],
  ['hangdog supervise --config=hangdog.y', 'hangdog supervise --config=hangdog.yaml '],
  ['hangdog run --heartbeat file:hangdog.y', 'hangdog run --heartbeat file:hangdog.yaml '],
  ['hangdog status --state-dir some', 'hangdog status --state-dir some\\ files/'],
  ['hangdog run --name web nohu', 'hangdog run --name web nohup '],
  ['hangdog run -- nohu', 'hangdog run -- nohup '],
  ['hangdog run --hold=stopped=1s -- cat hangdog.y', 'hangdog run --hold=stopped=1s -- cat hangdog.yaml '],
  ['hangdog nonsense x', 'hangdog nonsense x'],
]

for (const { title, shell, start, skip } of interactive) {
  t.test(`somebody who types into ${title} gets words completed`, skip === undefined ? {} : { skip }, async (t) => {
    const home = await prepare(t)
    const terminal = new TypingShell(t, shell, home, start)
    for (const [before, after] of typed) t.equal(await terminal.complete(before), after, before)
    t.comment('Nothing of the line is run by completing it.')
    await terminal.complete('hangdog prop set "$(touch ./ran)" `touch ./ran` HangR')
    await terminal.complete('hangdog prop set $(touch ./ran) HangR')
    t.notOk(existsSync(join(home.path, 'ran')))
  })

  t.test(`nothing is printed into ${title} when there is no hangdog`, skip === undefined ? {} : { skip }, async (t) => {
    const home = await prepare(t)
    const terminal = new TypingShell(t, shell, home, `${start}; PATH=/usr/bin:/bin`)
    t.equal(await terminal.complete('hangdog sta'), 'hangdog sta')
    t.notMatch(terminal.text, /not found|No such/)
  })
}

const fish = skipWithout('fish')

function completeInFish(home: ShellHome, line: string): readonly string[] {
  const script = 'source ./hangdog.fish; complete --do-complete $argv[1]'
  const { stdout, stderr } = runPlainly(home, 'fish', '-c', script, line)
  if (stderr !== '') throw new Error(stderr)
  return stdout.split('\n').slice(0, -1)
}

/** Fish tells what it would offer. */
const offered: readonly (readonly [line: string, ...candidates: string[]])[] = [
  ['hangdog doct', 'doctor'],
  ['true; hangdog doct', 'doctor'],
  ['hangdog run --restart=on', '--restart=on-failure'],
  ['hangdog prop set HangR', 'HangRecoveryAction='],
  ['hangdog prop set hangr', 'HangRecoveryAction='],
  ['hangdog prop set HangRecoveryAction=ClussvcHangActionL', 'HangRecoveryAction=ClussvcHangActionLog'],
  ['hangdog prop set "HangRecoveryAction=ClussvcHangActionL', 'HangRecoveryAction=ClussvcHangActionLog'],
  ['hangdog prop set HangRecoveryAction=2:', 'HangRecoveryAction=2:dword'],
  ['hangdog cluster /prop:HangRecoveryAction,ShadowM', '/prop:HangRecoveryAction,ShadowMode'],
  ['hangdog supervise --config hangdog.y', 'hangdog.yaml'],
  ['hangdog supervise --config=hangdog.y', '--config=hangdog.yaml'],
  ['hangdog run --heartbeat file:hangdog.y', 'file:hangdog.yaml'],
  ['hangdog status --state-dir som', 'some files/'],
  ['hangdog run --name web nohu', 'nohup'],
  ['hangdog run -- cat hangdog.y', 'hangdog.yaml'],
  ['hangdog nonsense x'],
  ['hangdog run --timeout '],
  ['hangdog prop set "$(touch ./ran)" x'],
]

t.test('somebody who types into fish gets words completed', fish, async (t) => {
  const home = await prepare(t)
  for (const [line, ...candidates] of offered) {
    const values = completeInFish(home, line).map((each) => each.split('\t', 1)[0])
    t.same(values, candidates, line)
  }
  t.notOk(existsSync(join(home.path, 'ran')))
})

t.test('fish shows what each is', fish, async (t) => {
  const home = await prepare(t)
  t.match(completeInFish(home, 'hangdog prop set HangR')[0], /\tWhat is done about a hang/)
})

t.test('nothing is printed into fish when there is no hangdog', fish, async (t) => {
  const home = await prepare(t)
  const environment = { ...home.environment, PATH: '/usr/bin:/bin' }
  t.same(completeInFish({ ...home, environment }, 'hangdog sta'), [])
})

t.test('a service is known while it runs; a hangdog that is stopped is passed over without a word', async (t) => {
  const directory = stateDirectory(t)
  const running: Hangdog = runService(t, ['--name', 'web'], ['sleep', '300'], directory)
  await running.event('service-started')
  const words = ['complete', '--', 'status', '--state-dir', directory, '']
  const live = await hangdog(t, words)
  t.match(live.stdout, /^:nothing 0\nweb\t/)
  running.child.kill('SIGSTOP')
  const stopped = await hangdog(t, words)
  running.child.kill('SIGCONT')
  t.same({ code: stopped.code, stderr: stopped.stderr }, { code: 0, stderr: '' })
  t.equal(stopped.stdout, ':nothing 0\n')
})

t.test('help says how to install it, and no other shell is taken', async (t) => {
  const help = await hangdog(t, ['completion', '--help'])
  for (const place of ['bash-completion/completions', 'site-functions', 'fish/completions']) t.match(help.stdout, place)
  t.equal((await hangdog(t, ['completion', 'tcsh'])).code, 64)
  t.notMatch((await hangdog(t, ['--help'])).stdout, /^ {2}complete /m)
})
