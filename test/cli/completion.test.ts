import { Command } from 'commander'
import t from 'tap'
import { clusterCommand } from '../../src/cli/cluster.js'
import { completeCommand, completionCommand } from '../../src/cli/completion.js'
import type { Candidate, Completion } from '../../src/cli/completion-candidate.js'
import { formatCompletion } from '../../src/cli/completion-candidate.js'
import type { KnownNames } from '../../src/cli/completion-names.js'
import { completeWords } from '../../src/cli/completion-words.js'
import { drillCommand } from '../../src/cli/drill.js'
import { eventsCommand } from '../../src/cli/events.js'
import { explainCommand } from '../../src/cli/explain.js'
import { incidentCommand } from '../../src/cli/incident.js'
import { maintenanceCommand } from '../../src/cli/maintenance.js'
import { propCommand } from '../../src/cli/prop.js'
import { runCommandCommand } from '../../src/cli/run.js'
import { statusCommand } from '../../src/cli/status.js'
import { superviseCommand } from '../../src/cli/supervise.js'
import { openScreenshot, runCommand } from './support.js'

const incident = '20250131T120000123Z-web-a1b2c3'

/** The real commands, all but those without words of their own. */
function createProgram(): Command {
  const program = new Command('hangdog').version('1.2.3').enablePositionalOptions()
  for (const command of [
    runCommandCommand(),
    superviseCommand(),
    statusCommand(),
    eventsCommand(),
    incidentCommand(),
    explainCommand(),
    propCommand(),
    clusterCommand(),
    drillCommand(),
    maintenanceCommand(),
  ]) {
    program.addCommand(command)
  }
  return program.addCommand(completeCommand(), { hidden: true })
}

const names = (values: readonly string[]) => async (): Promise<readonly Candidate[]> =>
  values.map((value) => ({ value, description: 'armed' }))

/** Which state directory was asked. */
const asked: (string | undefined)[] = []

function findNames(stateDirectory: string | undefined): KnownNames {
  asked.push(stateDirectory)
  const ownProperties = (service: string) => names(service === 'web' ? ['Note', 'Hosts'] : [])()
  return { services: names(['web', 'web-2', 'db']), ownProperties, incidents: names([incident]) }
}

function complete(line: string): Promise<Completion> {
  return completeWords(createProgram(), line.split(' '), findNames)
}

/** What is offered for a line as it is typed after `hangdog `. */
const offers: readonly (readonly [line: string, ...offered: string[]])[] = [
  // Commands.
  ['st', 'status'],
  ['incident ', 'list', 'show', 'export', 'help'],
  ['incident sh', 'show'],
  ['help ex', 'explain'],
  ['help prop se', 'set'],
  ['complet'],
  ['nonsense '],
  // Options.
  ['--v', '--version'],
  ['run --restart', '--restart', '--restart-delay', '--restart-limit', '--restart-period'],
  ['run --no-', '--no-javascript-stack'],
  ['events -', '--follow', '--id', '--since', '--service', '--level', '--state-dir', '--json', '--help'],
  ['events -f', '-f'],
  ['events ', '--follow', '--id', '--since', '--service', '--level', '--state-dir', '--json', '--help'],
  ['events --json --follow --l', '--level'],
  ['events --json --js'],
  ['run --hold stopped=1s --hol', '--hold'],
  // Their values.
  ['run --restart ', 'always', 'on-failure', 'never'],
  ['run --restart=o', '--restart=on-failure'],
  ['run --output f', 'file'],
  ['run --log-format=p', '--log-format=pretty'],
  ['run --action ', 'disable', 'log', 'terminate', 'bugcheck'],
  ['run --hold st', 'stopped=', 'starved='],
  ['run --hold=tr', '--hold=traced='],
  ['run --terminate-signal SIGTE', 'SIGTERM'],
  ['run --terminate-signal SIGCO'],
  ['run --heartbeat ht', 'http://', 'https://'],
  ['run --timeout '],
  ['run --timeout --re'],
  ['events --level w', 'warning'],
  ['events --id 487', '4870'],
  ['events --service w', 'web', 'web-2'],
  // Services and incidents.
  ['status ', 'web', 'web-2', 'db'],
  ['status --json d', 'db'],
  ['status web d'],
  ['status -- web-', 'web-2'],
  ['status -- --js'],
  ['events -- '],
  ['explain web-', 'web-2'],
  ['maintenance start --for 2h d', 'db'],
  ['maintenance stop web-', 'web-2'],
  ['drill d', 'db'],
  ['incident show ', incident],
  ['incident export ', incident],
  // Properties.
  ['prop get SameSubnetD', 'SameSubnetDelay'],
  ['prop get samesubnetd', 'SameSubnetDelay'],
  ['prop get SameSubnetDelay SameSubnet', 'SameSubnetThreshold'],
  ['prop get ClusSvcRegroupO', 'ClusSvcRegroupOpeningTimeout'],
  ['prop reset ClusSvcRegroupO'],
  ['prop reset BugCheckC', 'BugCheckConsent'],
  ['prop set HangR', 'HangRecoveryAction='],
  ['prop set --service web SameSubnet'],
  ['prop set --service web HeartbeatT', 'HeartbeatTimeoutMilliseconds='],
  ['prop set HeartbeatT'],
  ['prop set HangRecoveryAction=2 hangr'],
  [
    'prop set HangRecoveryAction=Cl',
    'HangRecoveryAction=ClussvcHangActionDisable',
    'HangRecoveryAction=ClussvcHangActionLog',
    'HangRecoveryAction=ClussvcHangActionTerminateService',
    'HangRecoveryAction=ClussvcHangActionBugCheckMachine',
  ],
  ['prop set hangrecoveryaction=clussvchangactionl', 'hangrecoveryaction=ClussvcHangActionLog'],
  ['prop set HangRecoveryAction=3', 'HangRecoveryAction=3'],
  ['prop set HangRecoveryAction=3:', 'HangRecoveryAction=3:dword'],
  ['prop set HangRecoveryAction=0x3:D', 'HangRecoveryAction=0x3:dword'],
  ['prop set ShadowMode=', 'ShadowMode=0', 'ShadowMode=1'],
  ['prop set SameSubnetDelay=', 'SameSubnetDelay=1000', 'SameSubnetDelay=250', 'SameSubnetDelay=2000'],
  ['prop set TerminateSignal=', 'TerminateSignal=SIGTERM'],
  ['prop set DrillSchedule=x:str', 'DrillSchedule=x:string'],
  ['prop set Unknown='],
  ['prop set Unknown=1:m', 'Unknown=1:multistr', 'Unknown=1:multistring'],
  ['prop get --service web No', 'Note'],
  ['prop get --service=web Note hos', 'Hosts'],
  ['prop get --service db No'],
  ['prop get No'],
  ['prop reset --service web No', 'Note'],
  ['prop set --service web No', 'Note='],
  ['prop set --service web Note=1 not'],
  ['prop import --format c', 'clusprop'],
  // The grammar of cluster.exe.
  ['cluster ', '/prop', '/prop:', '/priv', '/priv:', '/cluster:', 'resource'],
  ['cluster prod /pri', '/priv', '/priv:'],
  ['cluster /cluster:prod /prop', '/prop', '/prop:'],
  ['cluster /cluster:p'],
  ['cluster /prop SameSubnetD', 'SameSubnetDelay='],
  ['cluster /PROPERTIES SameSubnetDelay=2000:DW', 'SameSubnetDelay=2000:dword'],
  ['cluster /prop SameSubnetDelay=2000 SameSubnet', 'SameSubnetThreshold='],
  ['cluster /prop:HangR', '/prop:HangRecoveryAction'],
  ['cluster /prop:HangRecoveryAction,HangR'],
  ['cluster /prop:HangRecoveryAction,HangW', '/prop:HangRecoveryAction,HangWarningPercent'],
  ['cluster /prop:HangRecoveryAction /', '/usedefault'],
  ['cluster /prop:HangRecoveryAction /usedefault '],
  ['cluster resource w', 'web', 'web-2'],
  ['cluster res web /pri', '/priv', '/priv:'],
  ['cluster . /priv ', 'MulticastClusterDisabled='],
  ['cluster /priv:', '/priv:MulticastClusterDisabled'],
  ['cluster res web /priv HeartbeatT', 'HeartbeatTimeoutMilliseconds='],
  ['cluster res web /priv:HangR', '/priv:HangRecoveryAction'],
  ['cluster res web /priv No', 'Note='],
  ['cluster res web /priv:HangRecoveryAction,No', '/priv:HangRecoveryAction,Note'],
  ['cluster res web /prop No'],
  ['cluster res db /priv No'],
  ['cluster web /priv No'],
]

for (const [line, ...offered] of offers) {
  const what = offered.length === 0 ? 'nothing' : offered.join(', ')
  t.test(`"hangdog ${line}" is offered ${what}`, async (t) => {
    const { candidates, also } = await complete(line)
    t.same(
      candidates.map(({ value }) => value),
      offered,
    )
    t.same(also, { kind: 'nothing' })
  })
}

/** What is left to the shell. */
const left: readonly (readonly [line: string, also: Completion['also']])[] = [
  ['supervise --config ', { kind: 'files', after: 0 }],
  ['supervise --config=/et', { kind: 'files', after: 9 }],
  ['run --heartbeat file:/t', { kind: 'files', after: 5 }],
  ['run --heartbeat=file:/t', { kind: 'files', after: 17 }],
  ['prop import ', { kind: 'files', after: 0 }],
  ['status --state-dir /v', { kind: 'directories', after: 0 }],
  ['run ', { kind: 'command', from: 1 }],
  ['run --timeout 6s --dry-run no', { kind: 'command', from: 4 }],
  ['run -- no', { kind: 'command', from: 2 }],
  ['run --name web -- node --inspect --', { kind: 'command', from: 4 }],
  ['run node --name ', { kind: 'command', from: 1 }],
]

for (const [line, also] of left) {
  t.test(`"hangdog ${line}" is completed by the shell: ${also.kind}`, async (t) => {
    t.same(await complete(line), { candidates: [], also })
  })
}

t.test('no words at all are like an empty one', async (t) => {
  const { candidates } = await completeWords(createProgram(), [], findNames)
  t.ok(candidates.some(({ value }) => value === 'run'))
})

t.test('the state directory of the line is asked for names, at home as a shell would find it', async (t) => {
  asked.length = 0
  for (const line of ['status ', 'status --state-dir /x ', 'status --state-dir=/y w', 'status --state-dir ~/z ']) {
    await complete(line)
  }
  t.same(asked, [undefined, '/x', '/y', `${process.env.HOME}/z`])
})

t.test('what a shell would have to quote is not offered', async (t) => {
  const odd = { services: names(['a b', '$(reboot)', 'a;b', 'ab']), ownProperties: names([]), incidents: names([]) }
  const { candidates } = await completeWords(createProgram(), ['status', 'a'], () => odd)
  t.same(
    candidates.map(({ value }) => value),
    ['ab'],
  )
})

t.test('a description stays on its line', (t) => {
  const candidates = [{ value: 'a', description: 'x\ty\nz' }, { value: 'b' }]
  t.equal(formatCompletion({ candidates, also: { kind: 'nothing' } }), ':nothing 0\na\tx\\ty\\nz\nb\n')
  t.end()
})

t.test('the hidden command prints what the words can become', async (t) => {
  const { stdout, stderr } = await runComplete(['--', 'complete', '--r'])
  t.same(stdout, ':nothing 0\n--raw\tthe words still have their quotes\n')
  t.equal(stderr, '')
})

t.test('words that still have their quotes are read as a shell reads them', async (t) => {
  for (const word of [`'complete'`, `"complete"`, 'com\\plete', `com'pl'"et"e`, `"complete`, `'complete`]) {
    t.match((await runComplete(['--raw', '--', word, '--r'])).stdout, '--raw', word)
  }
  t.equal((await runComplete(['--', `'complete'`, '--r'])).stdout, ':nothing 0\n')
  t.match((await runComplete(['--raw', '--', '"say \\"x\\" \\y"', ''])).stdout, ':nothing 0\n')
})

t.test('what goes wrong is not told to somebody who only pressed a key', async (t) => {
  const ran = openScreenshot()
  const failing = { ...ran.output, write: () => Promise.reject(new Error('no')) }
  await runCommand(() => completeCommand(() => failing), ['complete', '--', 'x'], ran)
  t.equal(ran.stderr.text, '')
  t.equal(ran.exitCode, 0)
})

t.test('there is a script for each shell, and for no other', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await runCommand(completionCommand, ['completion', shell])
    t.match(stdout.text, `hangdog completion ${shell}`)
  }
  await t.rejects(runCommand(completionCommand, ['completion', 'tcsh']), { code: 'commander.invalidArgument' })
  await t.rejects(runCommand(completionCommand, ['completion']), { code: 'commander.missingArgument' })
})

async function runComplete(args: readonly string[]) {
  const { stdout, stderr } = await runCommand(completeCommand, ['complete', ...args])
  return { stdout: stdout.text, stderr: stderr.text }
}
